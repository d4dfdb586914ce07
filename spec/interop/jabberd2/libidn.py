"""The stringprep of the libidn that jabberd2 is linked with.

Each line of standard input is a JSON array of strings; each line of standard output is a JSON array with, for each of them,
what nodeprep, nameprep and resourceprep make of it (null where they refuse it), as jabberd2 calls them.
"""
import ctypes
import json
import sys

ROOM = 1024
idn = ctypes.CDLL("libidn.so.12")
idn.stringprep.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p]
PROFILES = [
    ctypes.addressof(ctypes.c_char.in_dll(idn, f"stringprep_{name}"))
    for name in ("xmpp_nodeprep", "nameprep", "xmpp_resourceprep")
]


def prepared(text, profile):
    source = text.encode("utf8")
    if len(source) >= ROOM:
        return None
    place = ctypes.create_string_buffer(source, ROOM)
    return place.value.decode("utf8") if idn.stringprep(place, ROOM, 0, profile) == 0 else None


for line in sys.stdin:
    print(json.dumps([[prepared(text, profile) for profile in PROFILES] for text in json.loads(line)]), flush=True)
