"""The real expat, for spec/fuzz: documents in on stdin, verdicts out on stdout, one for each.

A request is four bytes of length (big endian), one byte of kind, and the document:
  S  the beginning of a stream: more may follow, so what is unfinished is no error
  D  a whole document
A verdict is a line of JSON:
  errors    one for each parser, None where it found nothing wrong: without namespaces first, then with namespaces
            and each of the separators in SEPARATORS
  unended   what the plain parser says about a document of kind S that ends here; None where it is whole
  plain     the children of the root that were whole, by the parser without namespaces
  expanded  the same, by the parser with namespaces and a space between namespace and name
  stray     is there text between the children of the root?
An element is [name, {attribute: value}, [element or text, ...]].
"""
import json
import struct
import sys
from xml.parsers import expat

SEPARATORS = [' ', '|', '\n', '}', '^', ':']


class Tree:
    def __init__(self):
        self.open = []
        self.depth = 0
        self.children = []
        self.stray = False

    def start(self, name, attributes):
        if self.depth > 0:
            element = [name, attributes, []]
            (self.open[-1][2] if self.open else self.children).append(element)
            self.open.append(element)
        self.depth += 1

    def end(self, _name):
        self.depth -= 1
        if self.open:
            self.open.pop()

    def text(self, text):
        if not self.open:
            self.stray = self.stray or bool(text.strip(' \t\r\n'))
            return
        into = self.open[-1][2]
        if into and isinstance(into[-1], str):
            into[-1] += text
        else:
            into.append(text)

    def whole(self):
        """The children of the root without one that is still open."""
        return self.children[:-1] if self.open else self.children


def parse(document, final, separator, tree):
    parser = expat.ParserCreate(namespace_separator=separator)
    if hasattr(parser, 'SetReparseDeferralEnabled'):
        parser.SetReparseDeferralEnabled(False)  # from 2.6 on expat would wait for more before it looks
    if tree:
        parser.StartElementHandler = tree.start
        parser.EndElementHandler = tree.end
        parser.CharacterDataHandler = tree.text
    try:
        parser.Parse(document, final)
        error = None
    except (expat.ExpatError, LookupError) as found:  # an encoding that python does not know
        error = str(found)
    except ValueError as found:
        if 'encodings' not in str(found):  # one that it knows, of several bytes a character
            raise
        error = str(found)
    return parser, error


def end(parser, error):
    if error:
        return error
    try:
        parser.Parse(b'', True)
    except expat.ExpatError as found:
        return str(found)
    return None


def verdict(kind, document):
    final = kind == b'D'
    plain, expanded = Tree(), Tree()
    parser, error = parse(document, final, None, plain)
    errors = [error]
    for separator in SEPARATORS:
        errors.append(parse(document, final, separator, expanded if separator == ' ' else None)[1])
    # read before the document is ended, which may add to the trees
    answer = {
        'errors': errors,
        'plain': plain.whole(),
        'expanded': expanded.whole(),
        'stray': plain.stray,
    }
    answer['unended'] = error if final else end(parser, error)
    return answer


def serve():
    while True:
        head = sys.stdin.buffer.read(5)
        if len(head) < 5:
            return
        (length,) = struct.unpack('>I', head[:4])
        answer = verdict(head[4:5], sys.stdin.buffer.read(length))
        sys.stdout.write(json.dumps(answer) + '\n')
        sys.stdout.flush()


if sys.argv[1:] == ['--version']:
    print(expat.EXPAT_VERSION)
else:
    serve()
