# SPDX-License-Identifier: Apache-2.0
"""The module as a program sees it: loaded with dlopen, called function by function, every return code looked at."""
import ctypes
import os
import re

from ctypes import POINTER, Structure, byref, c_ubyte, c_ulong, c_void_p, cast, sizeof

HEADERS = "/usr/include/nss"


def read_constants():
    """CKR_, CKA_, CKM_, CKO_, CKK_, CKF_, CKG_, CKU_, CKS_ of PKCS#11 3.0, from the header the module is built with."""
    found = {"CKR_AEAD_DECRYPT_FAILED": 0x42}
    with open(os.path.join(HEADERS, "pkcs11t.h"), encoding="utf-8") as header:
        for name, number in re.findall(r"^#define (CK[A-Z]_\w+)\s+(0x[0-9A-Fa-f]+|\d+)U?L?\b", header.read(), re.M):
            found[name] = int(number, 0)
    return found


C = read_constants()
UNAVAILABLE = c_ulong(-1).value
NAMES = {number: name for name, number in C.items() if name.startswith("CKR_") and "VENDOR" not in name}


class Attribute(Structure):
    _fields_ = [("type", c_ulong), ("value", c_void_p), ("size", c_ulong)]


class Mechanism(Structure):
    _fields_ = [("type", c_ulong), ("parameter", c_void_p), ("size", c_ulong)]


class InitArguments(Structure):
    _fields_ = [("create", c_void_p), ("destroy", c_void_p), ("lock", c_void_p), ("unlock", c_void_p),
                ("flags", c_ulong), ("reserved", c_void_p)]


class Version(Structure):
    _fields_ = [("major", c_ubyte), ("minor", c_ubyte)]


class TokenInfo(Structure):
    _fields_ = [("label", c_ubyte * 32), ("manufacturer", c_ubyte * 32), ("model", c_ubyte * 16),
                ("serial", c_ubyte * 16), ("flags", c_ulong)] + \
               [(name, c_ulong) for name in ("max_sessions", "sessions", "max_rw", "rw", "max_pin", "min_pin",
                                             "total_public", "free_public", "total_private", "free_private")] + \
               [("hardware", Version), ("firmware", Version), ("time", c_ubyte * 16)]


class SlotInfo(Structure):
    _fields_ = [("description", c_ubyte * 64), ("manufacturer", c_ubyte * 32), ("flags", c_ulong),
                ("hardware", Version), ("firmware", Version)]


class SessionInfo(Structure):
    _fields_ = [("slot", c_ulong), ("state", c_ulong), ("flags", c_ulong), ("device_error", c_ulong)]


class MechanismInfo(Structure):
    _fields_ = [("min_key", c_ulong), ("max_key", c_ulong), ("flags", c_ulong)]


class Info(Structure):
    _fields_ = [("version", Version), ("manufacturer", c_ubyte * 32), ("flags", c_ulong),
                ("description", c_ubyte * 32), ("library", Version)]


class Interface(Structure):
    _fields_ = [("name", ctypes.c_char_p), ("functions", c_void_p), ("flags", c_ulong)]


class PssParameters(Structure):
    _fields_ = [("hash", c_ulong), ("mgf", c_ulong), ("salt", c_ulong)]


class OaepParameters(Structure):
    _fields_ = [("hash", c_ulong), ("mgf", c_ulong), ("source", c_ulong), ("data", c_void_p), ("size", c_ulong)]


class CtrParameters(Structure):
    _fields_ = [("bits", c_ulong), ("block", c_ubyte * 16)]


class GcmParameters(Structure):
    _fields_ = [("iv", c_void_p), ("iv_size", c_ulong), ("iv_bits", c_ulong), ("aad", c_void_p),
                ("aad_size", c_ulong), ("tag_bits", c_ulong)]


class GcmMessage(Structure):
    _fields_ = [("iv", c_void_p), ("iv_size", c_ulong), ("fixed_bits", c_ulong), ("generator", c_ulong),
                ("tag", c_void_p), ("tag_bits", c_ulong)]


class EcdhParameters(Structure):
    _fields_ = [("kdf", c_ulong), ("shared_size", c_ulong), ("shared", c_void_p), ("public_size", c_ulong),
                ("public", c_void_p)]


def buffer(data):
    return (c_ubyte * max(1, len(data))).from_buffer_copy(data or b"\0")


def number(value):
    return bytes(c_ulong(value))


def to_bytes(value):
    if isinstance(value, bool):
        return bytes([value])
    if isinstance(value, int):
        return number(value)
    return value.encode() if isinstance(value, str) else value


class Template:
    """Attributes as C wants them; keeps their memory."""

    def __init__(self, **attributes):
        self.values = [(C["CKA_" + name.upper()], to_bytes(value)) for name, value in attributes.items()]
        self.memory = [buffer(value) for _, value in self.values]
        self.array = (Attribute * max(1, len(self.values)))(*[
            Attribute(kind, cast(memory, c_void_p), len(value))
            for (kind, value), memory in zip(self.values, self.memory)])

    def __len__(self):
        return len(self.values)


def mechanism(name, parameter=None):
    """A CK_MECHANISM; `parameter` bytes or a structure."""
    kind = C[name] if isinstance(name, str) else name
    if parameter is None:
        return Mechanism(kind, None, 0)
    memory = buffer(parameter) if isinstance(parameter, bytes) else parameter
    size = len(parameter) if isinstance(parameter, bytes) else sizeof(parameter)
    made = Mechanism(kind, cast(byref(memory), c_void_p), size)
    made.keep = memory
    return made


class Refused(AssertionError):
    def __init__(self, function, rv):
        super().__init__(f"{function}: {NAMES.get(rv, hex(rv))}")
        self.rv = rv


class Cryptoki:
    """The functions of a module; those that are not CKR_OK raise Refused."""

    def __init__(self, path):
        self.functions = ctypes.CDLL(path)

    def rv(self, function, *arguments):
        """The name of what the function returned."""
        call = getattr(self.functions, "C_" + function)
        call.restype = c_ulong
        plain = [c_ulong(a) if isinstance(a, int) else a for a in arguments]
        result = call(*plain)
        return NAMES.get(result, hex(result))

    def __call__(self, function, *arguments):
        result = self.rv(function, *arguments)
        if result != "CKR_OK":
            raise Refused(function, C.get(result, 0))

    def initialize(self, flags=None):
        self("Initialize", byref(InitArguments(flags=C["CKF_OS_LOCKING_OK"] if flags is None else flags)))

    def slots(self, with_token=True):
        count = c_ulong(0)
        self("GetSlotList", ctypes.c_ubyte(with_token), None, byref(count))
        ids = (c_ulong * max(1, count.value))()
        self("GetSlotList", ctypes.c_ubyte(with_token), ids, byref(count))
        return list(ids[:count.value])

    def open(self, slot=0, read_write=True):
        handle = c_ulong(0)
        self("OpenSession", slot, C["CKF_SERIAL_SESSION"] | (C["CKF_RW_SESSION"] if read_write else 0), None, None,
             byref(handle))
        return handle.value

    def find(self, session, **attributes):
        template = Template(**attributes)
        self("FindObjectsInit", session, template.array, len(template))
        found = []
        handles, count = (c_ulong * 3)(), c_ulong(0)
        while True:
            self("FindObjects", session, handles, 3, byref(count))
            if count.value == 0:
                break
            found += handles[:count.value]
        self("FindObjectsFinal", session)
        return found

    def one(self, session, **attributes):
        found = self.find(session, **attributes)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} objects are {attributes}")
        return found[0]

    def attribute(self, session, handle, name):
        """The value, or the name of what was returned instead."""
        wanted = Attribute(C["CKA_" + name.upper()], None, 0)
        result = self.rv("GetAttributeValue", session, handle, byref(wanted), 1)
        if result != "CKR_OK":
            assert wanted.size == UNAVAILABLE, wanted.size
            return result
        memory = (c_ubyte * max(1, wanted.size))()
        wanted.value = cast(memory, c_void_p)
        self("GetAttributeValue", session, handle, byref(wanted), 1)
        return bytes(memory[:wanted.size])

    def sized(self, function, session, *arguments):
        """A function that returns bytes, called as programs do: once for the length, once for the bytes."""
        size = c_ulong(0)
        self(function, session, *arguments, None, byref(size))
        memory = (c_ubyte * max(1, size.value))()
        self(function, session, *arguments, memory, byref(size))
        return bytes(memory[:size.value])

    def sign(self, session, key, how, data):
        self("SignInit", session, byref(how), key)
        return self.sized("Sign", session, buffer(data), len(data))

    def sign_parts(self, session, key, how, parts):
        self("SignInit", session, byref(how), key)
        for part in parts:
            self("SignUpdate", session, buffer(part), len(part))
        return self.sized("SignFinal", session)

    def verify(self, session, key, how, data, signature):
        """The name of what C_Verify returned."""
        self("VerifyInit", session, byref(how), key)
        return self.rv("Verify", session, buffer(data), len(data), buffer(signature), len(signature))

    def digest(self, session, how, data):
        self("DigestInit", session, byref(how))
        return self.sized("Digest", session, buffer(data), len(data))

    def decrypt(self, session, key, how, data):
        self("DecryptInit", session, byref(how), key)
        return self.sized("Decrypt", session, buffer(data), len(data))


__all__ = ["C", "Cryptoki", "Template", "mechanism", "buffer", "number", "POINTER", "byref", "UNAVAILABLE", "Refused"]
