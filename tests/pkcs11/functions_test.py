# SPDX-License-Identifier: Apache-2.0
"""Slots, sessions, objects, the PIN, configuration, fork: every function, every return code a caller can provoke."""
import ctypes
import os
import signal
import threading
import time
import unittest

from cards import SIMROOT, Card
from cryptoki import (C, Attribute, Info, InitArguments, Interface, MechanismInfo, SessionInfo,
                      SlotInfo, Template, TokenInfo, UNAVAILABLE, Version, buffer, byref, c_ulong, c_void_p, cast,
                      mechanism)
from suite import ModuleTest
from support import Child

SERIAL = C["CKF_SERIAL_SESSION"]
FIRST_FUNCTIONS = 68  # of PKCS#11 2.40
ALL_FUNCTIONS = 92  # of PKCS#11 3.0

# Functions that take a session first, and how many arguments follow; a pointer or length may be anything.
SESSION_FUNCTIONS = {
    "CloseSession": 0, "GetSessionInfo": 1, "GetOperationState": 2, "SetOperationState": 4, "Login": 3, "Logout": 0,
    "CreateObject": 3, "CopyObject": 4, "DestroyObject": 1, "GetObjectSize": 2, "GetAttributeValue": 3,
    "SetAttributeValue": 3, "FindObjectsInit": 2, "FindObjects": 3, "FindObjectsFinal": 0, "EncryptInit": 2,
    "Encrypt": 4, "EncryptUpdate": 4, "EncryptFinal": 2, "DecryptInit": 2, "Decrypt": 4, "DecryptUpdate": 4,
    "DecryptFinal": 2, "DigestInit": 1, "Digest": 4, "DigestUpdate": 2, "DigestKey": 1, "DigestFinal": 2,
    "SignInit": 2, "Sign": 4, "SignUpdate": 2, "SignFinal": 2, "SignRecoverInit": 2, "SignRecover": 4,
    "VerifyInit": 2, "Verify": 4, "VerifyUpdate": 2, "VerifyFinal": 2, "VerifyRecoverInit": 2, "VerifyRecover": 4,
    "DigestEncryptUpdate": 4, "DecryptDigestUpdate": 4, "SignEncryptUpdate": 4, "DecryptVerifyUpdate": 4,
    "GenerateKey": 4, "GenerateKeyPair": 7, "WrapKey": 5, "UnwrapKey": 7, "DeriveKey": 5, "SeedRandom": 2,
    "GenerateRandom": 2, "GetFunctionStatus": 0, "CancelFunction": 0, "LoginUser": 5, "SessionCancel": 1, "InitPIN": 2,
    "SetPIN": 4, "MessageEncryptInit": 2, "EncryptMessage": 8, "EncryptMessageBegin": 4, "EncryptMessageNext": 7,
    "MessageEncryptFinal": 0, "MessageDecryptInit": 2, "DecryptMessage": 8, "DecryptMessageBegin": 4,
    "DecryptMessageNext": 7, "MessageDecryptFinal": 0, "MessageSignInit": 2, "SignMessage": 6, "SignMessageBegin": 2,
    "SignMessageNext": 6, "MessageSignFinal": 0, "MessageVerifyInit": 2, "VerifyMessage": 6, "VerifyMessageBegin": 2,
    "VerifyMessageNext": 6, "MessageVerifyFinal": 0,
}
SLOT_FUNCTIONS = {"GetSlotInfo": 1, "GetTokenInfo": 1, "GetMechanismList": 2, "GetMechanismInfo": 2, "InitToken": 3,
                  "OpenSession": 4, "CloseAllSessions": 0}
NOT_SUPPORTED = ("GetOperationState", "SetOperationState", "SignRecoverInit", "SignRecover", "VerifyRecoverInit",
                 "VerifyRecover", "DigestEncryptUpdate", "DecryptDigestUpdate", "SignEncryptUpdate",
                 "DecryptVerifyUpdate", "GenerateKey", "WrapKey", "UnwrapKey", "InitPIN", "SetPIN", "MessageSignInit",
                 "SignMessage", "SignMessageBegin", "SignMessageNext", "MessageSignFinal", "MessageVerifyInit",
                 "VerifyMessage", "VerifyMessageBegin", "VerifyMessageNext", "MessageVerifyFinal")
NOT_BEGUN = ("FindObjects", "FindObjectsFinal", "Encrypt", "EncryptUpdate", "EncryptFinal", "Decrypt", "DecryptUpdate",
             "DecryptFinal", "Digest", "DigestUpdate", "DigestKey", "DigestFinal", "Sign", "SignUpdate", "SignFinal",
             "Verify", "VerifyUpdate", "VerifyFinal", "EncryptMessage", "EncryptMessageBegin", "EncryptMessageNext",
             "MessageEncryptFinal", "DecryptMessage", "DecryptMessageBegin", "DecryptMessageNext",
             "MessageDecryptFinal")


class Functions(ModuleTest):
    certificates = True

    def zeros(self, count):
        return [None] * count

    def test_both_tables_name_the_exported_functions(self):
        table = c_void_p()
        self.module("GetFunctionList", byref(table))
        self.assert_rv("CKR_ARGUMENTS_BAD", "GetFunctionList", None)
        words = cast(table, ctypes.POINTER(c_void_p))
        version = cast(table, ctypes.POINTER(Version))[0]
        self.assertEqual((version.major, version.minor), (2, 40))
        self.assertEqual(len({words[i] for i in range(1, FIRST_FUNCTIONS + 1)}), FIRST_FUNCTIONS)
        count, found = c_ulong(0), (Interface * 2)()
        self.module("GetInterfaceList", None, byref(count))
        self.assertEqual(count.value, 2)
        count.value = 1
        self.assert_rv("CKR_BUFFER_TOO_SMALL", "GetInterfaceList", found, byref(count))
        self.module("GetInterfaceList", found, byref(count))
        self.assertEqual([row.name for row in found], [b"PKCS 11"] * 2)
        newest = cast(found[0].functions, ctypes.POINTER(c_void_p))
        addresses = {newest[i] for i in range(1, ALL_FUNCTIONS + 1)}
        self.assertEqual(len(addresses), ALL_FUNCTIONS)
        for name in [*SESSION_FUNCTIONS, *SLOT_FUNCTIONS]:
            address = cast(getattr(self.module.functions, "C_" + name), c_void_p).value
            self.assertIn(address, addresses, name)
        self.assertEqual(len(SESSION_FUNCTIONS) + len(SLOT_FUNCTIONS) + 8, ALL_FUNCTIONS)

    def test_interfaces_by_name_and_version(self):
        found = ctypes.POINTER(Interface)()
        self.module("GetInterface", None, None, byref(found), 0)
        self.assertEqual(cast(found[0].functions, ctypes.POINTER(Version))[0].major, 3)
        self.module("GetInterface", b"PKCS 11", byref(Version(2, 40)), byref(found), 0)
        self.assertEqual(cast(found[0].functions, ctypes.POINTER(Version))[0].major, 2)
        for arguments in ((b"PKCS 12", None, byref(found), 0), (None, byref(Version(3, 1)), byref(found), 0),
                          (None, None, byref(found), 0x80000),
                          (None, None, byref(found), C["CKF_INTERFACE_FORK_SAFE"])):
            self.assert_rv("CKR_FUNCTION_FAILED", "GetInterface", *arguments)
        self.assert_rv("CKR_ARGUMENTS_BAD", "GetInterface", None, None, None, 0)
        self.assert_rv("CKR_ARGUMENTS_BAD", "GetInterfaceList", None, None)

    def test_nothing_works_before_initialise_and_after_finalise(self):
        self.module("Finalize", None)
        for name, count in {**SESSION_FUNCTIONS, **SLOT_FUNCTIONS}.items():
            self.assert_rv("CKR_CRYPTOKI_NOT_INITIALIZED", name, 1, *self.zeros(count))
        for call in (("Finalize", None), ("GetInfo", byref(Info())), ("GetSlotList", 0, None, byref(c_ulong())),
                     ("WaitForSlotEvent", 1, byref(c_ulong()), None)):
            self.assert_rv("CKR_CRYPTOKI_NOT_INITIALIZED", *call)

    def test_initialise(self):
        self.assert_rv("CKR_CRYPTOKI_ALREADY_INITIALIZED", "Initialize", None)
        self.assert_rv("CKR_ARGUMENTS_BAD", "Finalize", byref(Info()))
        self.module("Finalize", None)
        some = cast(buffer(b"x"), c_void_p)
        self.assert_rv("CKR_ARGUMENTS_BAD", "Initialize", byref(InitArguments(reserved=some)))
        self.assert_rv("CKR_ARGUMENTS_BAD", "Initialize", byref(InitArguments(create=some)))
        self.assert_rv("CKR_CANT_LOCK", "Initialize", byref(InitArguments(some, some, some, some)))
        self.module("Initialize", byref(InitArguments(some, some, some, some, C["CKF_OS_LOCKING_OK"])))
        self.module("Finalize", None)
        self.module("Initialize", None)
        info = Info()
        self.module("GetInfo", byref(info))
        self.assertEqual((info.version.major, info.version.minor), (3, 0))
        self.assertEqual(bytes(info.manufacturer), b"simroot".ljust(32))
        self.assert_rv("CKR_ARGUMENTS_BAD", "GetInfo", None)

    def test_every_function_knows_a_wrong_handle(self):
        for name, count in SESSION_FUNCTIONS.items():
            for handle in (0, 77777, UNAVAILABLE):
                self.assert_rv("CKR_SESSION_HANDLE_INVALID", name, handle, *self.zeros(count))
        for name, count in SLOT_FUNCTIONS.items():
            self.assert_rv("CKR_SLOT_ID_INVALID", name, 77, *self.zeros(count))

    def test_what_is_not_supported_or_not_begun(self):
        session = self.module.open()
        for name in NOT_SUPPORTED:
            self.assert_rv("CKR_FUNCTION_NOT_SUPPORTED", name, session, *self.zeros(SESSION_FUNCTIONS[name]))
        for name in NOT_BEGUN:
            self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", name, session, *self.zeros(SESSION_FUNCTIONS[name]))
        for name in ("GetFunctionStatus", "CancelFunction"):
            self.assert_rv("CKR_FUNCTION_NOT_PARALLEL", name, session)
        self.assert_rv("CKR_FUNCTION_NOT_SUPPORTED", "InitToken", 0, None, 0, None)
        self.assert_rv("CKR_FUNCTION_NOT_SUPPORTED", "CreateObject", session, None, 0, byref(c_ulong()))

    def test_null_pointers(self):
        session = self.module.open()
        key = self.module.one(session, id=b"\1", **{"class": C["CKO_PRIVATE_KEY"]})
        how, handle = byref(mechanism("CKM_ECDSA")), byref(c_ulong())
        for call in (("GetSlotList", 0, None, None), ("GetSlotInfo", 0, None), ("GetTokenInfo", 0, None),
                     ("GetMechanismList", 0, None, None), ("GetMechanismInfo", 0, C["CKM_ECDSA"], None),
                     ("OpenSession", 0, SERIAL, None, None, None), ("GetSessionInfo", session, None),
                     ("WaitForSlotEvent", 1, None, None), ("WaitForSlotEvent", 1, handle, handle),
                     ("GetObjectSize", session, key, None), ("GetAttributeValue", session, key, None, 1),
                     ("SetAttributeValue", session, key, None, 1), ("CreateObject", session, None, 1, handle),
                     ("CreateObject", session, None, 0, None), ("CopyObject", session, key, None, 0, None),
                     ("FindObjectsInit", session, None, 1), ("Login", session, C["CKU_USER"], None, 4),
                     ("GenerateKeyPair", session, None, None, 0, None, 0, handle, handle),
                     ("GenerateKeyPair", session, how, None, 0, None, 0, None, handle),
                     ("DeriveKey", session, None, key, None, 0, handle),
                     ("DeriveKey", session, how, key, None, 0, None)):
            self.assert_rv("CKR_ARGUMENTS_BAD", *call)
        broken = Attribute(C["CKA_ID"], None, 5)
        self.assert_rv("CKR_ARGUMENTS_BAD", "FindObjectsInit", session, byref(broken), 1)
        self.module("FindObjectsInit", session, None, 0)
        self.assert_rv("CKR_ARGUMENTS_BAD", "FindObjects", session, None, 1, byref(c_ulong()))
        self.assert_rv("CKR_ARGUMENTS_BAD", "FindObjects", session, byref(c_ulong()), 1, None)
        for function in ("Sign", "Digest"):
            arguments = [byref(mechanism("CKM_SHA256" if function == "Digest" else "CKM_ECDSA"))]
            self.module(function + "Init", session, *arguments, *([key] if function == "Sign" else []))
            self.assert_rv("CKR_ARGUMENTS_BAD", function, session, None, 3, byref(Info()), byref(c_ulong(64)))

    def test_slot_and_token(self):
        self.assertEqual(self.module.slots(), [0])
        self.assertEqual(self.module.slots(False), [0])
        ids, count = (c_ulong * 1)(), c_ulong(0)
        self.assert_rv("CKR_BUFFER_TOO_SMALL", "GetSlotList", 0, ids, byref(count))
        self.assertEqual(count.value, 1)
        slot, token = SlotInfo(), TokenInfo()
        self.module("GetSlotInfo", 0, byref(slot))
        self.assertEqual(bytes(slot.description), self.uri.encode().ljust(64)[:64])
        self.assertTrue(slot.flags & C["CKF_TOKEN_PRESENT"] and slot.flags & C["CKF_REMOVABLE_DEVICE"])
        session = self.module.open(read_write=False)
        self.module.open()
        self.module("GetTokenInfo", 0, byref(token))
        label = bytes(token.label).decode()
        self.assertRegex(label, r"^IoT SAFE \d{18,20} +$")
        self.assertEqual(bytes(token.serial).decode(), label.strip()[-16:])
        self.assertEqual(token.flags, C["CKF_RNG"] | C["CKF_TOKEN_INITIALIZED"])  # no PIN, so no login
        self.assertEqual((token.sessions, token.rw), (2, 1))
        self.assertEqual((token.min_pin, token.max_pin), (0, 0))
        self.assert_rv("CKR_USER_PIN_NOT_INITIALIZED", "Login", session, C["CKU_USER"], buffer(b"1234"), 4)
        self.assert_rv("CKR_USER_NOT_LOGGED_IN", "Logout", session)

    def test_mechanisms(self):
        count, info = c_ulong(0), MechanismInfo()
        self.module("GetMechanismList", 0, None, byref(count))
        kinds = (c_ulong * count.value)()
        count.value -= 1
        self.assert_rv("CKR_BUFFER_TOO_SMALL", "GetMechanismList", 0, kinds, byref(count))
        self.module("GetMechanismList", 0, kinds, byref(count))
        self.assertEqual(len(set(kinds)), 23)
        for kind in kinds:
            self.module("GetMechanismInfo", 0, kind, byref(info))
            self.assertNotEqual(info.flags, 0)
        self.module("GetMechanismInfo", 0, C["CKM_ECDSA"], byref(info))
        self.assertEqual((info.min_key, info.max_key), (256, 384))
        self.assertTrue(info.flags & C["CKF_SIGN"] and info.flags & C["CKF_VERIFY"])
        self.assert_rv("CKR_MECHANISM_INVALID", "GetMechanismInfo", 0, C["CKM_MD5"], byref(info))

    def test_sessions(self):
        handle, info = c_ulong(0), SessionInfo()
        self.assert_rv("CKR_SESSION_PARALLEL_NOT_SUPPORTED", "OpenSession", 0, 0, None, None, byref(handle))
        read_only, read_write = self.module.open(read_write=False), self.module.open()
        self.assertNotEqual(read_only, read_write)
        self.module("GetSessionInfo", read_only, byref(info))
        self.assertEqual((info.slot, info.state, info.flags), (0, C["CKS_RO_PUBLIC_SESSION"], SERIAL))
        self.module("GetSessionInfo", read_write, byref(info))
        self.assertEqual(info.state, C["CKS_RW_PUBLIC_SESSION"])
        self.module("CloseSession", read_only)
        self.assert_rv("CKR_SESSION_HANDLE_INVALID", "CloseSession", read_only)
        self.module("CloseAllSessions", 0)
        self.assert_rv("CKR_SESSION_HANDLE_INVALID", "GetSessionInfo", read_write, byref(info))
        self.assert_rv("CKR_USER_TYPE_INVALID", "Login", self.module.open(), C["CKU_SO"], None, 0)
        session = self.module.open()
        self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", "Login", session, C["CKU_CONTEXT_SPECIFIC"], None, 0)
        self.assert_rv("CKR_FUNCTION_NOT_SUPPORTED", "LoginUser", session, C["CKU_USER"], None, 0, None, 3)

    def test_a_session_is_cancelled(self):
        session = self.module.open()
        key = self.module.one(session, id=b"\1", **{"class": C["CKO_PRIVATE_KEY"]})
        how = byref(mechanism("CKM_ECDSA"))
        self.module("SignInit", session, how, key)
        self.module("DigestInit", session, byref(mechanism("CKM_SHA256")))
        self.module("SessionCancel", session, C["CKF_DIGEST"])
        self.assert_rv("CKR_OPERATION_ACTIVE", "SignInit", session, how, key)
        self.module("DigestInit", session, byref(mechanism("CKM_SHA256")))
        self.module("SessionCancel", session, C["CKF_SIGN"] | C["CKF_DIGEST"])
        self.module("SignInit", session, how, key)

    def test_search(self):
        session = self.module.open()
        everything = self.module.find(session)
        self.assertEqual(len(everything), len(set(everything)))
        self.assertEqual(self.module.find(session), everything)  # handles stay
        self.assertEqual(self.module.find(self.module.open()), everything)
        self.assertEqual(self.module.find(session, id=b"\1", label="other"), [])
        self.assertEqual(len(self.module.find(session, id=b"\1")), 3)  # private, public, certificate
        self.assertEqual(len(self.module.find(session, label="sig")), 3)
        self.assertEqual(self.module.find(session, value=b""), [])
        template = Template(id=b"\1")
        self.module("FindObjectsInit", session, template.array, 1)
        template.memory[0][0] = 0x77  # the copy is deep (trap T19)
        count, found = c_ulong(0), (c_ulong * 9)()
        self.assert_rv("CKR_OPERATION_ACTIVE", "FindObjectsInit", session, None, 0)
        self.module("FindObjects", session, found, 9, byref(count))
        self.assertEqual(count.value, 3)
        self.module("FindObjects", session, found, 9, byref(count))
        self.assertEqual(count.value, 0)
        self.module("FindObjectsFinal", session)
        self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", "FindObjectsFinal", session)

    def test_attributes_of_a_pair_and_its_certificate(self):
        session = self.module.open()

        def of(kind, name):
            handle = self.module.one(session, id=b"\1", **{"class": C["CKO_" + kind]})
            return self.module.attribute(session, handle, name)
        for name, value in (("sensitive", 1), ("extractable", 0), ("never_extractable", 1), ("always_sensitive", 1),
                            ("private", 0), ("token", 1), ("sign", 1), ("derive", 1), ("decrypt", 0), ("unwrap", 0),
                            ("always_authenticate", 0), ("modifiable", 0), ("local", 0)):
            self.assertEqual(of("PRIVATE_KEY", name), bytes([value]), name)
        for name in ("value", "private_exponent", "prime_1"):
            self.assertEqual(of("PRIVATE_KEY", name), "CKR_ATTRIBUTE_SENSITIVE")
        self.assertEqual(of("PRIVATE_KEY", "modulus"), "CKR_ATTRIBUTE_TYPE_INVALID")
        self.assertEqual(of("PUBLIC_KEY", "ec_point")[:3], b"\x04\x41\x04")
        self.assertEqual(of("PUBLIC_KEY", "ec_params"), bytes.fromhex("06082a8648ce3d030107"))
        der = of("CERTIFICATE", "value")
        self.assertIn(of("PUBLIC_KEY", "ec_point")[2:], der)
        self.assertIn(of("CERTIFICATE", "subject") , der)
        self.assertEqual(of("PRIVATE_KEY", "subject"), of("CERTIFICATE", "subject"))
        self.assertIn(b"test CA", of("CERTIFICATE", "issuer"))
        self.assertEqual(of("CERTIFICATE", "serial_number")[0], 2)
        authority = self.module.one(session, label="ca")
        self.assertEqual(self.module.attribute(session, authority, "certificate_category"), bytes(c_ulong(2)))

    def test_several_attributes_at_once(self):
        session = self.module.open()
        key = self.module.one(session, id=b"\1", **{"class": C["CKO_PUBLIC_KEY"]})
        small, label = buffer(b"xx"), (ctypes.c_ubyte * 3)()
        wanted = (Attribute * 4)(Attribute(C["CKA_LABEL"], cast(label, c_void_p), 3),
                                 Attribute(C["CKA_EC_POINT"], cast(small, c_void_p), 2),
                                 Attribute(C["CKA_MODULUS"], None, 0), Attribute(C["CKA_ID"], None, 0))
        rv = self.module.rv("GetAttributeValue", session, key, wanted, 4)
        self.assertIn(rv, ("CKR_BUFFER_TOO_SMALL", "CKR_ATTRIBUTE_TYPE_INVALID"))
        self.assertEqual([row.size for row in wanted], [3, UNAVAILABLE, UNAVAILABLE, 1])
        self.assertEqual(bytes(label), b"sig")
        self.assertEqual(bytes(small), b"xx")

    def test_objects_cannot_be_changed(self):
        session = self.module.open()
        size = c_ulong(0)
        for handle in self.module.find(session):
            self.assert_rv("CKR_ACTION_PROHIBITED", "DestroyObject", session, handle)
            self.assert_rv("CKR_ACTION_PROHIBITED", "CopyObject", session, handle, None, 0, byref(size))
            self.assert_rv("CKR_ACTION_PROHIBITED", "SetAttributeValue", session, handle, None, 0)
            self.module("GetObjectSize", session, handle, byref(size))
            self.assertGreater(size.value, 50)
        for handle in (0, 99999):
            self.assert_rv("CKR_OBJECT_HANDLE_INVALID", "DestroyObject", session, handle)
            self.assert_rv("CKR_OBJECT_HANDLE_INVALID", "CopyObject", session, handle, None, 0, byref(size))
            self.assert_rv("CKR_OBJECT_HANDLE_INVALID", "SetAttributeValue", session, handle, None, 0)
            self.assert_rv("CKR_OBJECT_HANDLE_INVALID", "GetObjectSize", session, handle, byref(size))
            self.assert_rv("CKR_OBJECT_HANDLE_INVALID", "GetAttributeValue", session, handle, Template().array, 0)

    def test_a_session_closed_while_it_signs(self):
        session = self.module.open()
        key = self.module.one(session, id=b"\1", **{"class": C["CKO_PRIVATE_KEY"]})
        results = []

        def sign():
            out, size = (ctypes.c_ubyte * 64)(), c_ulong(64)
            while not results or results[-1] == "CKR_OK":
                results.append(self.module.rv("SignInit", session, byref(mechanism("CKM_ECDSA")), key))
                if results[-1] == "CKR_OK":
                    results.append(self.module.rv("Sign", session, buffer(bytes(32)), 32, out, byref(size)))
        thread = threading.Thread(target=sign)
        thread.start()
        while len(results) < 10 and thread.is_alive():
            time.sleep(0.001)
        self.module("CloseSession", session)
        thread.join(30)
        self.assertFalse(thread.is_alive())
        self.assertEqual(results[-1], "CKR_SESSION_HANDLE_INVALID")

    def test_an_event_is_told_once_and_finalise_wakes_who_waits(self):
        slot = c_ulong(99)
        self.assert_rv("CKR_NO_EVENT", "WaitForSlotEvent", C["CKF_DONT_BLOCK"], byref(slot), None)
        hidden = self.uri.partition(":")[2]
        os.rename(hidden, hidden + ".gone")
        try:
            self.module("WaitForSlotEvent", 0, byref(slot), None)
            self.assertEqual(slot.value, 0)
            self.assertEqual(self.module.slots(), [])
            self.assertEqual(self.module.slots(False), [0])
            self.assert_rv("CKR_NO_EVENT", "WaitForSlotEvent", C["CKF_DONT_BLOCK"], byref(slot), None)
            self.assert_rv("CKR_TOKEN_NOT_PRESENT", "GetTokenInfo", 0, byref(TokenInfo()))
            self.assert_rv("CKR_TOKEN_NOT_PRESENT", "OpenSession", 0, SERIAL, None, None, byref(slot))
        finally:
            os.rename(hidden + ".gone", hidden)
        self.module("WaitForSlotEvent", C["CKF_DONT_BLOCK"], byref(slot), None)
        self.assertEqual(self.module.slots(), [0])
        results = []
        waiting = threading.Thread(target=lambda: results.append(
            self.module.rv("WaitForSlotEvent", 0, byref(slot), None)))
        waiting.start()
        time.sleep(0.05)
        self.module("Finalize", None)
        waiting.join(30)
        self.assertEqual(results, ["CKR_CRYPTOKI_NOT_INITIALIZED"])

    def test_a_forked_child_starts_anew(self):
        session = self.module.open()
        self.module.find(session)
        if self.uri.startswith("sim:"):
            self.module("Finalize", None)  # a card in this process belongs to it
            self.module.initialize()
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            status = 1
            try:
                first = self.module.rv("GetSlotList", 0, None, byref(c_ulong(0)))
                self.module.initialize()
                session = self.module.open()
                key = self.module.one(session, id=b"\1", **{"class": C["CKO_PRIVATE_KEY"]})
                signature = self.module.sign(session, key, mechanism("CKM_ECDSA"), bytes(32))
                self.module("Finalize", None)
                status = 0 if first == "CKR_CRYPTOKI_NOT_INITIALIZED" and len(signature) == 64 else 2
            finally:
                os._exit(status)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        session = self.module.open()
        key = self.module.one(session, id=b"\1", **{"class": C["CKO_PRIVATE_KEY"]})
        self.assertEqual(len(self.module.sign(session, key, mechanism("CKM_ECDSA"), bytes(32))), 64)


class WithPin(ModuleTest):
    pin = "123456"
    everything = False

    def test_login(self):
        session, token, info = self.module.open(), TokenInfo(), SessionInfo()
        self.module("GetTokenInfo", 0, byref(token))
        self.assertTrue(token.flags & C["CKF_LOGIN_REQUIRED"] and token.flags & C["CKF_USER_PIN_INITIALIZED"])
        self.assertEqual((token.min_pin, token.max_pin), (4, 8))
        self.assertEqual(self.module.find(session, **{"class": C["CKO_PRIVATE_KEY"]}), [])
        self.assertEqual(self.module.find(session, **{"class": C["CKO_SECRET_KEY"]}), [])
        self.assertEqual(len(self.module.find(session, **{"class": C["CKO_PUBLIC_KEY"]})), 1)
        for pin, rv in ((b"", "CKR_PIN_LEN_RANGE"), (b"123456789", "CKR_PIN_LEN_RANGE"),
                        (b"123457", "CKR_PIN_INCORRECT")):
            self.assert_rv(rv, "Login", session, C["CKU_USER"], buffer(pin), len(pin))
        self.module("GetTokenInfo", 0, byref(token))
        self.assertTrue(token.flags & C["CKF_USER_PIN_COUNT_LOW"])
        self.module("Login", session, C["CKU_USER"], buffer(b"123456"), 6)
        self.assert_rv("CKR_USER_ALREADY_LOGGED_IN", "Login", session, C["CKU_USER"], buffer(b"123456"), 6)
        self.module("GetSessionInfo", session, byref(info))
        self.assertEqual(info.state, C["CKS_RW_USER_FUNCTIONS"])
        key = self.module.one(session, **{"class": C["CKO_PRIVATE_KEY"]})
        self.assertEqual(self.module.attribute(session, key, "private"), b"\1")
        self.assertEqual(len(self.module.sign(session, key, mechanism("CKM_ECDSA"), bytes(32))), 64)
        self.module("Logout", session)
        self.assert_rv("CKR_KEY_HANDLE_INVALID", "SignInit", session, byref(mechanism("CKM_ECDSA")), key)
        self.assertEqual(self.module.find(session, **{"class": C["CKO_PRIVATE_KEY"]}), [])
        self.module("LoginUser", session, C["CKU_USER"], buffer(b"123456"), 6, None, 0)
        self.module("CloseSession", session)  # the last one logs out
        session = self.module.open()
        self.assert_rv("CKR_USER_NOT_LOGGED_IN", "Logout", session)

    def test_the_last_wrong_try_blocks(self):
        card = Card(self.folder, "4321", False, "blocked.card")
        self.module("Finalize", None)
        os.environ["SIMROOT_CARD"] = card.uri
        self.module.initialize()
        session, token = self.module.open(), TokenInfo()
        for rv, flag in (("CKR_PIN_INCORRECT", "CKF_USER_PIN_COUNT_LOW"),
                         ("CKR_PIN_INCORRECT", "CKF_USER_PIN_FINAL_TRY"), ("CKR_PIN_LOCKED", "CKF_USER_PIN_LOCKED"),
                         ("CKR_PIN_LOCKED", "CKF_USER_PIN_LOCKED")):
            self.assert_rv(rv, "Login", session, C["CKU_USER"], buffer(b"0000"), 4)
            self.module("GetTokenInfo", 0, byref(token))
            self.assertTrue(token.flags & C[flag], flag)
        self.assert_rv("CKR_PIN_LOCKED", "Login", session, C["CKU_USER"], buffer(b"4321"), 4)


class SwappedCard(ModuleTest):
    """Two cards with different PINs, one after the other in the same modem, whichever way the other tests go."""
    pin = "123456"
    everything = False

    @classmethod
    def way(cls):
        return "at:" + os.path.join(cls.folder, "swapping")

    def insert(self, card):
        modem = Child(SIMROOT, "card", "run", card.file, "--modem", os.path.join(self.folder, "swapping"))
        modem.__enter__()
        modem.read_until("modem on")
        return modem

    def test_another_card_is_not_given_the_pin(self):
        other = Card(self.folder, "654321", False, "other.card")
        modem, info, token = self.insert(self.card), SessionInfo(), TokenInfo()
        try:
            session = self.module.open()
            self.module("Login", session, C["CKU_USER"], buffer(b"123456"), 6)
            key = self.module.one(session, id=b"\1", **{"class": C["CKO_PRIVATE_KEY"]})
            how = byref(mechanism("CKM_ECDSA"))
            self.assertEqual(len(self.module.sign(session, key, mechanism("CKM_ECDSA"), bytes(32))), 64)
            for card, open_again in ((self.card, True), (other, False)):
                modem.__exit__()
                modem = self.insert(card)  # a card that was without power has forgotten the PIN
                self.module("SignInit", session, how, key)
                rv = self.module.rv("Sign", session, buffer(bytes(32)), 32, (ctypes.c_ubyte * 64)(), byref(c_ulong(64)))
                self.assertEqual(rv, "CKR_OK" if open_again else "CKR_USER_NOT_LOGGED_IN", self.logged())
                self.module("GetSessionInfo", session, byref(info))
                self.assertEqual(info.state == C["CKS_RW_USER_FUNCTIONS"], open_again)
            self.module("GetTokenInfo", 0, byref(token))
            self.assertFalse(token.flags & C["CKF_USER_PIN_COUNT_LOW"])  # no try was used up
        finally:
            modem.__exit__()


class Configuration(ModuleTest):
    everything = False

    def begin(self, **environment):
        self.module.rv("Finalize", None)
        for name in ("SIMROOT_CARD", "SIMROOT_PKCS11_CONF", "XDG_CONFIG_HOME"):
            os.environ.pop(name, None)
            if name in environment:
                os.environ[name] = environment[name]
        self.addCleanup(os.environ.pop, "SIMROOT_PKCS11_CONF", None)
        self.addCleanup(os.environ.pop, "XDG_CONFIG_HOME", None)
        self.module.initialize()

    def configure(self, text, name="pkcs11.conf"):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def test_no_configuration_is_no_slot(self):
        self.begin()
        self.assertEqual(self.module.slots(False), [])

    def test_several_cards(self):
        second = Card(self.folder, None, False, "second.card")
        self.begin(SIMROOT_CARD=f" {self.uri} ; {second.uri};sim:/nowhere/at.all")
        self.assertEqual(self.module.slots(), [0, 1])
        self.assertEqual(self.module.slots(False), [0, 1, 2])
        first, other = self.module.open(0), self.module.open(1)
        key = self.module.one(first, id=b"\1", **{"class": C["CKO_PRIVATE_KEY"]})
        how = byref(mechanism("CKM_ECDSA"))
        self.assert_rv("CKR_KEY_HANDLE_INVALID", "SignInit", other, how, key)  # another token's object
        self.module("SignInit", first, how, key)
        self.module("CloseAllSessions", 0)
        self.module.find(other)

    def test_files(self):
        path = self.configure(f"# cards\ncard = {self.uri}  # mine\n\ncache = off\ntimeout = 5\n")
        self.begin(SIMROOT_PKCS11_CONF=path)
        self.assertEqual(self.module.slots(), [0])
        self.configure(f"card={self.uri}\n", "config/simroot/pkcs11.conf")
        self.begin(XDG_CONFIG_HOME=os.path.join(self.folder, "config"))
        self.assertEqual(self.module.slots(), [0])

    def test_wrong_files_give_no_slot_and_a_sentence(self):
        for text, words in (("card = usb:1", "line 1"), ("\nspeed = 1", 'no setting "speed"'),
                            ("timeout = 0", "whole seconds"), ("timeout = 601", "whole seconds"),
                            ("timeout = 1s", "whole seconds"), ("card", "name = value")):
            self.begin(SIMROOT_PKCS11_CONF=self.configure(text))
            self.assertEqual(self.module.slots(False), [])
            self.assertIn(words, self.logged())
        self.begin(SIMROOT_CARD="nonsense")
        self.assertEqual(self.module.slots(False), [])
        self.begin(SIMROOT_PKCS11_CONF="/nowhere/pkcs11.conf")
        self.assertEqual(self.module.slots(False), [])
        self.assertIn("/nowhere/pkcs11.conf", self.logged())

    def test_a_file_that_is_no_card(self):
        path = self.configure("this is no card", "other.card")
        self.begin(SIMROOT_CARD="sim:" + path)
        self.assertEqual(self.module.slots(), [0])
        self.assertIn(self.module.rv("OpenSession", 0, SERIAL, None, None, byref(c_ulong())),
                      ("CKR_FUNCTION_FAILED", "CKR_DEVICE_ERROR"))
        self.assertIn("other.card", self.logged())


if __name__ == "__main__":
    unittest.main()
