# SPDX-License-Identifier: Apache-2.0
"""Signatures, MACs, decryption, key agreement and key pairs of every kind, and what a wrong call gets."""
import ctypes
import hashlib
import os
import unittest

from cards import run
from cryptoki import (C, CtrParameters, EcdhParameters, GcmMessage, GcmParameters, OaepParameters, PssParameters,
                      Template, buffer, byref, c_ulong, c_void_p, cast, mechanism)
from suite import ModuleTest

P256_OID = bytes.fromhex("06082a8648ce3d030107")
P384_OID = bytes.fromhex("06052b81040022")
TEXT = b"The SIM in every stack." * 9
HASHES = {"SHA256": hashlib.sha256, "SHA384": hashlib.sha384, "SHA512": hashlib.sha512}
DIGEST_INFO = {"SHA256": "3031300d060960864801650304020105000420", "SHA384": "3041300d060960864801650304020205000430",
               "SHA512": "3051300d060960864801650304020305000440"}
EC_KEYS = {b"\x01": 64, b"\x0b": 96, b"\x0c": 64}


def pss(name, salt=None):
    size = HASHES[name]().digest_size
    return PssParameters(C["CKM_" + name], C["CKG_MGF1_" + name], size if salt is None else salt)


class Keys(ModuleTest):
    def setUp(self):
        super().setUp()
        self.session = self.module.open()

    def private(self, identifier):
        return self.module.one(self.session, id=identifier, **{"class": C["CKO_PRIVATE_KEY"]})

    def public(self, identifier):
        return self.module.one(self.session, id=identifier, **{"class": C["CKO_PUBLIC_KEY"]})

    def secret(self, label):
        return self.module.one(self.session, label=label)

    def assert_verifies(self, identifier, how, data, signature):
        public = self.public(identifier)
        self.assertEqual(self.module.verify(self.session, public, how, data, signature), "CKR_OK")
        flipped = bytearray(signature)
        flipped[-1] ^= 1
        self.assertEqual(self.module.verify(self.session, public, how, data, bytes(flipped)), "CKR_SIGNATURE_INVALID")
        for wrong in (signature[:-1], signature + b"\0", b""):
            self.assertEqual(self.module.verify(self.session, public, how, data, wrong), "CKR_SIGNATURE_LEN_RANGE")

    def test_ecdsa_over_digests_of_every_size(self):
        for identifier, size in EC_KEYS.items():
            for length in (1, 20, 28, 32, 33, 47, 48, 49, 64, 65, 200):
                with self.subTest(key=identifier, length=length):
                    data = os.urandom(length)
                    signature = self.module.sign(self.session, self.private(identifier), mechanism("CKM_ECDSA"), data)
                    self.assertEqual(len(signature), size)
                    self.assertEqual(self.module.verify(self.session, self.public(identifier), mechanism("CKM_ECDSA"),
                                                        data, signature), "CKR_OK")

    def test_ecdsa_never_signs_less_than_it_was_given(self):
        """A P-384 key that may use SHA-256 only: no digest longer than that can be told to the card."""
        key, out = self.private(b"\x0f"), (ctypes.c_ubyte * 96)()
        for length in (33, 48, 64):
            self.module("SignInit", self.session, byref(mechanism("CKM_ECDSA")), key)
            self.assert_rv("CKR_DATA_LEN_RANGE", "Sign", self.session, buffer(bytes(length)), length, out,
                           byref(c_ulong(96)))
        for length in (20, 32):
            data = os.urandom(length)
            self.assert_verifies(b"\x0f", mechanism("CKM_ECDSA"), data,
                                 self.module.sign(self.session, key, mechanism("CKM_ECDSA"), data))

    def test_ecdsa_with_hash_at_once_and_in_parts(self):
        for identifier in EC_KEYS:
            for name in HASHES:
                with self.subTest(key=identifier, hash=name):
                    how = mechanism("CKM_ECDSA_" + name)
                    key = self.private(identifier)
                    self.assert_verifies(identifier, how, TEXT, self.module.sign(self.session, key, how, TEXT))
                    parts = self.module.sign_parts(self.session, key, how, [TEXT[:1], b"", TEXT[1:100], TEXT[100:]])
                    self.assert_verifies(identifier, how, TEXT, parts)
                    digest = HASHES[name](TEXT).digest()
                    self.assert_verifies(identifier, mechanism("CKM_ECDSA"), digest, parts)

    def test_ecdsa_refuses_an_empty_digest(self):
        self.module("SignInit", self.session, byref(mechanism("CKM_ECDSA")), self.private(b"\x01"))
        out, size = (ctypes.c_ubyte * 64)(), c_ulong(64)
        self.assert_rv("CKR_DATA_LEN_RANGE", "Sign", self.session, None, 0, out, byref(size))
        self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", "Sign", self.session, None, 0, out, byref(size))

    def test_rsa_pkcs1(self):
        key = self.private(b"\x0a")
        for name, function in HASHES.items():
            how = mechanism(f"CKM_{name}_RSA_PKCS")
            signature = self.module.sign(self.session, key, how, TEXT)
            self.assert_verifies(b"\x0a", how, TEXT, signature)
            info = bytes.fromhex(DIGEST_INFO[name]) + function(TEXT).digest()
            self.assert_verifies(b"\x0a", mechanism("CKM_RSA_PKCS"), info, signature)
            self.assertEqual(self.module.sign(self.session, key, mechanism("CKM_RSA_PKCS"), info), signature)
            self.assertEqual(self.module.sign_parts(self.session, key, mechanism("CKM_RSA_PKCS"),
                                                    [info[:5], info[5:]]), signature)

    def test_rsa_pkcs1_of_what_the_card_cannot_pad(self):
        info = bytes.fromhex(DIGEST_INFO["SHA256"]) + bytes(32)
        for data, expected in ((bytes(36), "CKR_DATA_INVALID"), (info[:-1], "CKR_DATA_INVALID"),
                               (info + b"\0", "CKR_DATA_INVALID"), (b"", "CKR_DATA_INVALID"),
                               (bytes(246), "CKR_DATA_LEN_RANGE")):
            self.module("SignInit", self.session, byref(mechanism("CKM_RSA_PKCS")), self.private(b"\x0a"))
            out, size = (ctypes.c_ubyte * 256)(), c_ulong(256)
            self.assert_rv(expected, "Sign", self.session, buffer(data), len(data), out, byref(size))

    def test_rsa_pss(self):
        key = self.private(b"\x0a")
        for name, function in HASHES.items():
            hashed = mechanism(f"CKM_{name}_RSA_PKCS_PSS", pss(name))
            raw = mechanism("CKM_RSA_PKCS_PSS", pss(name))
            signature = self.module.sign(self.session, key, hashed, TEXT)
            self.assert_verifies(b"\x0a", hashed, TEXT, signature)
            self.assert_verifies(b"\x0a", raw, function(TEXT).digest(), signature)
            self.assert_verifies(b"\x0a", raw, function(TEXT).digest(),
                                 self.module.sign(self.session, key, raw, function(TEXT).digest()))
        self.module("SignInit", self.session, byref(mechanism("CKM_RSA_PKCS_PSS", pss("SHA256"))), key)
        out, size = (ctypes.c_ubyte * 256)(), c_ulong(256)
        self.assert_rv("CKR_DATA_LEN_RANGE", "Sign", self.session, buffer(bytes(31)), 31, out, byref(size))

    def test_openssl_agrees(self):
        signature = self.module.sign(self.session, self.private(b"\x0a"), mechanism("CKM_SHA256_RSA_PKCS"), TEXT)
        modulus = self.module.attribute(self.session, self.public(b"\x0a"), "modulus")
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, rsa
        key = rsa.RSAPublicNumbers(65537, int.from_bytes(modulus, "big")).public_key()
        key.verify(signature, TEXT, padding.PKCS1v15(), hashes.SHA256())

    def test_wrong_mechanism_parameters(self):
        key = self.private(b"\x0a")
        short = mechanism("CKM_RSA_PKCS_PSS", pss("SHA256"))
        short.size -= 1
        other_hash = pss("SHA256")
        other_hash.mgf = C["CKG_MGF1_SHA384"]
        for how in (mechanism("CKM_RSA_PKCS_PSS"), short, mechanism("CKM_RSA_PKCS_PSS", pss("SHA256", 20)),
                    mechanism("CKM_RSA_PKCS_PSS", other_hash), mechanism("CKM_SHA384_RSA_PKCS_PSS", pss("SHA256")),
                    mechanism("CKM_RSA_PKCS_PSS", PssParameters(C["CKM_SHA_1"], C["CKG_MGF1_SHA1"], 20)),
                    mechanism("CKM_RSA_PKCS", b"x"), mechanism("CKM_SHA256_RSA_PKCS", b"x")):
            self.assert_rv("CKR_MECHANISM_PARAM_INVALID", "SignInit", self.session, byref(how), key)
        nowhere = mechanism("CKM_ECDSA")
        nowhere.size = 4
        self.assert_rv("CKR_ARGUMENTS_BAD", "SignInit", self.session, byref(nowhere), key)
        for name in ("CKM_SHA256", "CKM_ECDH1_DERIVE", "CKM_AES_GCM", "CKM_MD5_RSA_PKCS", "CKM_SHA1_RSA_PKCS"):
            self.assert_rv("CKR_MECHANISM_INVALID", "SignInit", self.session, byref(mechanism(name)), key)

    def test_wrong_keys(self):
        cases = [("SignInit", "CKM_ECDSA", self.private(b"\x0a"), "CKR_KEY_TYPE_INCONSISTENT"),
                 ("SignInit", "CKM_RSA_PKCS", self.private(b"\x01"), "CKR_KEY_TYPE_INCONSISTENT"),
                 ("SignInit", "CKM_ECDSA", self.public(b"\x01"), "CKR_KEY_TYPE_INCONSISTENT"),
                 ("SignInit", "CKM_ECDSA", self.secret("mac"), "CKR_KEY_TYPE_INCONSISTENT"),
                 ("SignInit", "CKM_ECDSA", self.secret("aes"), "CKR_KEY_FUNCTION_NOT_PERMITTED"),
                 ("SignInit", "CKM_ECDSA", 0, "CKR_KEY_HANDLE_INVALID"),
                 ("SignInit", "CKM_ECDSA", 99999, "CKR_KEY_HANDLE_INVALID"),
                 ("VerifyInit", "CKM_ECDSA", self.private(b"\x01"), "CKR_KEY_TYPE_INCONSISTENT"),
                 ("VerifyInit", "CKM_ECDSA", self.public(b"\x0a"), "CKR_KEY_TYPE_INCONSISTENT"),
                 ("VerifyInit", "CKM_ECDSA", 99999, "CKR_KEY_HANDLE_INVALID")]
        for function, name, key, expected in cases:
            with self.subTest(function=function, expected=expected):
                self.assert_rv(expected, function, self.session, byref(mechanism(name)), key)

    def test_a_length_query_neither_ends_nor_touches(self):
        key = self.private(b"\x01")
        size = c_ulong(0)
        self.module("SignInit", self.session, byref(mechanism("CKM_ECDSA")), key)
        for _ in range(3):
            self.module("Sign", self.session, buffer(bytes(32)), 32, None, byref(size))
            self.assertEqual(size.value, 64)
        size.value = 63
        out = (ctypes.c_ubyte * 64)()
        self.assert_rv("CKR_BUFFER_TOO_SMALL", "Sign", self.session, buffer(bytes(32)), 32, out, byref(size))
        self.assertEqual(size.value, 64)
        self.module("Sign", self.session, buffer(bytes(32)), 32, out, byref(size))
        self.assertEqual(self.module.verify(self.session, self.public(b"\x01"), mechanism("CKM_ECDSA"), bytes(32),
                                            bytes(out)), "CKR_OK")

    def test_states_of_an_operation(self):
        key, how, size = self.private(b"\x01"), mechanism("CKM_ECDSA_SHA256"), c_ulong(64)
        out = (ctypes.c_ubyte * 64)()
        for function in ("Sign", "Verify"):
            init = [function + "Init", self.session, byref(how), key if function == "Sign" else self.public(b"\x01")]
            self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", function + "Update", self.session, out, 1)
            self.module(*init)
            self.assert_rv("CKR_OPERATION_ACTIVE", *init)
            self.assert_rv("CKR_OK", function + "Init", self.session, None, 0)  # ends it
            self.module(*init)
            self.module(function + "Update", self.session, buffer(TEXT), len(TEXT))
            last = byref(size) if function == "Sign" else 64
            self.assert_rv("CKR_OPERATION_ACTIVE", function, self.session, out, 1, out, last)
            self.assert_rv("CKR_ARGUMENTS_BAD", function + "Update", self.session, None, 1)
            self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", function + "Final", self.session, out, last)
            self.module(*init)
            self.assert_rv("CKR_ARGUMENTS_BAD", function + "Final", self.session, *([out, None] if function == "Sign"
                                                                                     else [None, 64]))
            self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", function + "Final", self.session, out, last)

    def test_cmac(self):
        key, how = self.secret("mac"), mechanism("CKM_AES_CMAC")
        for text in (b"", b"x", bytes(16), os.urandom(1000)):
            mac = self.module.sign(self.session, key, how, text)
            self.assertEqual(len(mac), 16)
            self.assertEqual(self.module.sign_parts(self.session, key, how, [text[:7], text[7:]]), mac)
            self.assertEqual(self.module.verify(self.session, key, how, text, mac), "CKR_OK")
            self.assertEqual(self.module.verify(self.session, key, how, text + b"y", mac), "CKR_SIGNATURE_INVALID")
            self.assertEqual(self.module.verify(self.session, key, how, text, mac[:15]), "CKR_SIGNATURE_LEN_RANGE")

    def seal(self, key, text, aad=b""):
        iv, tag = (ctypes.c_ubyte * 12)(), (ctypes.c_ubyte * 16)()
        params = GcmMessage(cast(iv, c_void_p), 12, 0, C["CKG_GENERATE"], cast(tag, c_void_p), 128)
        self.module("MessageEncryptInit", self.session, byref(mechanism("CKM_AES_GCM")), key)
        out, size = (ctypes.c_ubyte * max(1, len(text)))(), c_ulong(len(text))
        self.module("EncryptMessage", self.session, byref(params), ctypes.sizeof(params), buffer(aad), len(aad),
                    buffer(text), len(text), out, byref(size))
        self.module("MessageEncryptFinal", self.session)
        return bytes(iv), bytes(out[:size.value]), bytes(tag)

    def gcm(self, iv, aad=b""):
        memory, extra = buffer(iv), buffer(aad)
        params = GcmParameters(cast(memory, c_void_p), 12, 96, cast(extra, c_void_p), len(aad), 128)
        params.keep = (memory, extra)
        return mechanism("CKM_AES_GCM", params)

    def test_gcm_messages(self):
        key = self.secret("aes")
        nonces = set()
        for text, aad in ((b"", b""), (b"x", b"a"), (os.urandom(224), os.urandom(200))):
            iv, sealed, tag = self.seal(key, text, aad)
            nonces.add(iv)
            self.assertEqual(self.module.decrypt(self.session, key, self.gcm(iv, aad), sealed + tag), text)
            memory, tags, extra = buffer(iv), buffer(tag), buffer(aad)
            params = GcmMessage(cast(memory, c_void_p), 12, 0, 0, cast(tags, c_void_p), 128)
            for flip, expected in ((0, "CKR_OK"), (1, "CKR_AEAD_DECRYPT_FAILED")):
                tags[15] ^= flip
                self.module("MessageDecryptInit", self.session, byref(mechanism("CKM_AES_GCM")), key)
                out, size = (ctypes.c_ubyte * max(1, len(text)))(), c_ulong(len(text))
                self.assert_rv(expected, "DecryptMessage", self.session, byref(params), ctypes.sizeof(params), extra,
                               len(aad), buffer(sealed), len(sealed), out, byref(size))
                self.assertEqual(bytes(out[:len(text)]), bytes(len(text)) if flip else text)
                self.module("MessageDecryptFinal", self.session)
        self.assertEqual(len(nonces), 3)

    def test_gcm_message_in_parts(self):
        key = self.secret("aes")
        iv, tag = (ctypes.c_ubyte * 12)(), (ctypes.c_ubyte * 16)()
        params = GcmMessage(cast(iv, c_void_p), 12, 0, C["CKG_GENERATE_COUNTER"], cast(tag, c_void_p), 128)
        given = (byref(params), ctypes.sizeof(params))
        out, size = (ctypes.c_ubyte * 6)(), c_ulong(6)
        self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", "EncryptMessageBegin", self.session, *given, None, 0)
        self.module("MessageEncryptInit", self.session, byref(mechanism("CKM_AES_GCM")), key)
        self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", "EncryptMessageNext", self.session, *given, None, 0, out,
                       byref(size), 0)
        self.module("EncryptMessageBegin", self.session, *given, None, 0)
        self.assert_rv("CKR_OPERATION_ACTIVE", "EncryptMessageBegin", self.session, *given, None, 0)
        self.module("EncryptMessageNext", self.session, *given, buffer(b"abc"), 3, out, byref(size), 0)
        self.assertEqual(size.value, 0)
        end = C["CKF_END_OF_MESSAGE"]
        last = [self.session, *given, buffer(b"def"), 3]
        self.assert_rv("CKR_BUFFER_TOO_SMALL", "EncryptMessageNext", *last, out, byref(size), end)
        self.assertEqual(size.value, 6)
        # Begin's structure is the application's again: nonce and tag go where the last call says.
        other_iv, other_tag = (ctypes.c_ubyte * 12)(), (ctypes.c_ubyte * 16)()
        other = GcmMessage(cast(other_iv, c_void_p), 12, 0, C["CKG_GENERATE_COUNTER"], cast(other_tag, c_void_p), 128)
        self.module("EncryptMessageNext", self.session, byref(other), ctypes.sizeof(other), buffer(b"def"), 3, out,
                    byref(size), end)
        self.assertEqual(bytes(iv) + bytes(tag), bytes(28))
        iv[:], tag[:] = other_iv, other_tag
        self.module("MessageEncryptFinal", self.session)
        self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", "MessageEncryptFinal", self.session)
        how = self.gcm(bytes(iv))
        self.assertEqual(self.module.decrypt(self.session, key, how, bytes(out) + bytes(tag)), b"abcdef")
        self.module("MessageDecryptInit", self.session, byref(mechanism("CKM_AES_GCM")), key)
        self.module("DecryptMessageBegin", self.session, *given, None, 0)
        plain = (ctypes.c_ubyte * 6)()
        self.module("DecryptMessageNext", self.session, *given, out, 4, plain, byref(size), 0)
        size.value = 6
        self.module("DecryptMessageNext", self.session, *given, buffer(bytes(out[4:])), 2, plain, byref(size), end)
        self.assertEqual(bytes(plain), b"abcdef")

    def test_gcm_with_wrong_parameters(self):
        key = self.secret("aes")
        iv, tag = (ctypes.c_ubyte * 12)(), (ctypes.c_ubyte * 16)()
        good = (cast(iv, c_void_p), 12, 0, C["CKG_GENERATE"], cast(tag, c_void_p), 128)
        self.module("MessageEncryptInit", self.session, byref(mechanism("CKM_AES_GCM")), key)
        out, size = (ctypes.c_ubyte * 300)(), c_ulong(300)
        for place, value in ((0, None), (1, 11), (2, 32), (3, C["CKG_NO_GENERATE"]), (3, C["CKG_GENERATE_COUNTER_XOR"]),
                             (4, None), (5, 96)):
            params = GcmMessage(*(good[:place] + (value,) + good[place + 1:]))
            self.assert_rv("CKR_MECHANISM_PARAM_INVALID", "EncryptMessage", self.session, byref(params),
                           ctypes.sizeof(params), None, 0, out, 1, out, byref(size))
        params = GcmMessage(*good)
        for text, aad in ((225, 0), (1, 201)):
            self.assert_rv("CKR_DATA_LEN_RANGE", "EncryptMessage", self.session, byref(params), ctypes.sizeof(params),
                           buffer(bytes(201)), aad, out, text, out, byref(size))
        self.assert_rv("CKR_ARGUMENTS_BAD", "EncryptMessage", self.session, None, 0, None, 0, out, 1, out, byref(size))
        self.assert_rv("CKR_MECHANISM_INVALID", "EncryptInit", self.session, byref(mechanism("CKM_AES_GCM")), key)

    def test_decryption_of_what_was_changed(self):
        key = self.secret("aes")
        iv, sealed, tag = self.seal(key, b"secret")
        self.module("DecryptInit", self.session, byref(self.gcm(iv)), key)
        wrong = buffer(sealed + tag[:-1] + bytes([tag[-1] ^ 1]))
        out, size = (ctypes.c_ubyte * 64)(), c_ulong(64)
        self.assert_rv("CKR_ENCRYPTED_DATA_INVALID", "Decrypt", self.session, wrong, 22, out, byref(size))
        self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", "Decrypt", self.session, wrong, 22, out, byref(size))
        for length in (0, 15, 241):
            self.module("DecryptInit", self.session, byref(self.gcm(iv)), key)
            self.assert_rv("CKR_ENCRYPTED_DATA_LEN_RANGE", "Decrypt", self.session, buffer(bytes(241)), length,
                           (ctypes.c_ubyte * 300)(), byref(c_ulong(300)))

    def test_decryption_keeps_what_does_not_fit(self):
        key = self.secret("aes")
        iv, sealed, tag = self.seal(key, b"secret")
        self.module("DecryptInit", self.session, byref(self.gcm(iv)), key)
        for part in (sealed, tag):
            size = c_ulong(99)
            self.module("DecryptUpdate", self.session, buffer(part), len(part), None, byref(size))
            self.assertEqual(size.value, 0)
        out, size = (ctypes.c_ubyte * 6)(), c_ulong(5)
        self.assert_rv("CKR_BUFFER_TOO_SMALL", "DecryptFinal", self.session, out, byref(size))
        self.assertEqual(size.value, 6)
        self.module("DecryptFinal", self.session, out, byref(size))
        self.assertEqual(bytes(out), b"secret")

    def test_ciphers_the_command_line_sealed(self):
        """The device's own command has the card encrypt; the module is let go of the file meanwhile."""
        key = self.secret("aes")
        for name in ("cbc", "ctr"):
            with self.subTest(mode=name):
                self.module("Finalize", None)
                plain, sealed = os.path.join(self.folder, "plain"), os.path.join(self.folder, "sealed." + name)
                with open(plain, "wb") as file:
                    file.write(TEXT)
                run(os.path.join(os.environ["SIMROOT_BUILD"], "bin", "simroot"), "device", "encrypt", "--mode", name,
                    "07", plain, "--out", sealed, "--card", self.uri)
                self.module.initialize()
                self.session = self.module.open()
                key = self.secret("aes")
                with open(sealed, "rb") as file:
                    content = file.read()
                nonce, body = content[6:22], content[22:]
                how = mechanism("CKM_AES_CBC_PAD", nonce) if name == "cbc" else \
                    mechanism("CKM_AES_CTR", CtrParameters(128, (ctypes.c_ubyte * 16)(*nonce)))
                self.assertEqual(self.module.decrypt(self.session, key, how, body), TEXT)
        for how in (mechanism("CKM_AES_CBC_PAD", bytes(15)), mechanism("CKM_AES_CBC_PAD"),
                    mechanism("CKM_AES_CTR", CtrParameters(31)), mechanism("CKM_AES_CTR", CtrParameters(129))):
            self.assert_rv("CKR_MECHANISM_PARAM_INVALID", "DecryptInit", self.session, byref(how), key)
        self.module("DecryptInit", self.session, byref(mechanism("CKM_AES_CBC_PAD", bytes(16))), key)
        self.assert_rv("CKR_ENCRYPTED_DATA_LEN_RANGE", "Decrypt", self.session, buffer(bytes(17)), 17,
                       (ctypes.c_ubyte * 64)(), byref(c_ulong(64)))

    def test_rsa_oaep(self):
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, rsa
        modulus = self.module.attribute(self.session, self.public(b"\x0a"), "modulus")
        sha256 = hashes.SHA256()
        sealed = rsa.RSAPublicNumbers(65537, int.from_bytes(modulus, "big")).public_key().encrypt(
            b"a session key", padding.OAEP(padding.MGF1(sha256), sha256, None))
        good = OaepParameters(C["CKM_SHA256"], C["CKG_MGF1_SHA256"], C["CKZ_DATA_SPECIFIED"], None, 0)
        key = self.private(b"\x0a")
        self.assertEqual(self.module.decrypt(self.session, key, mechanism("CKM_RSA_PKCS_OAEP", good), sealed),
                         b"a session key")
        wrong = OaepParameters(C["CKM_SHA_1"], C["CKG_MGF1_SHA1"], 1, None, 0)
        self.assert_rv("CKR_MECHANISM_PARAM_INVALID", "DecryptInit", self.session,
                       byref(mechanism("CKM_RSA_PKCS_OAEP", wrong)), key)
        self.assert_rv("CKR_KEY_TYPE_INCONSISTENT", "DecryptInit", self.session,
                       byref(mechanism("CKM_RSA_PKCS_OAEP", good)), self.secret("aes"))
        self.module("DecryptInit", self.session, byref(mechanism("CKM_RSA_PKCS_OAEP", good)), key)
        self.assert_rv("CKR_ENCRYPTED_DATA_INVALID", "Decrypt", self.session, buffer(bytes(255) + b"\1"), 256,
                       (ctypes.c_ubyte * 256)(), byref(c_ulong(256)))

    def derive(self, key, point, rv="CKR_OK", kdf=None, **template):
        memory = buffer(point)
        params = EcdhParameters(C["CKD_NULL"] if kdf is None else kdf, 0, None, len(point), cast(memory, c_void_p))
        handle = c_ulong(0)
        wanted = Template(**{"class": C["CKO_SECRET_KEY"], "key_type": C["CKK_GENERIC_SECRET"], **template})
        self.assert_rv(rv, "DeriveKey", self.session, byref(mechanism("CKM_ECDH1_DERIVE", params)), key, wanted.array,
                       len(wanted), byref(handle))
        return handle.value

    def test_key_agreement(self):
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
        for identifier, curve in ((b"\x01", ec.SECP256R1()), (b"\x0b", ec.SECP384R1())):
            own = ec.generate_private_key(curve)
            point = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            encoded = self.module.attribute(self.session, self.public(identifier), "ec_point")
            other = ec.EllipticCurvePublicKey.from_encoded_point(curve, encoded[2:])
            expected = own.exchange(ec.ECDH(), other)
            for given in (point, bytes([4, len(point)]) + point):
                secret = self.derive(self.private(identifier), given, label="agreed")
                self.assertEqual(self.module.attribute(self.session, secret, "value"), expected)
                self.assertEqual(self.module.attribute(self.session, secret, "value_len"),
                                 bytes(c_ulong(len(expected))))
            short = self.derive(self.private(identifier), point, value_len=16)
            self.assertEqual(self.module.attribute(self.session, short, "value"), expected[-16:])
            hidden = self.derive(self.private(identifier), point, sensitive=True)
            self.assertEqual(self.module.attribute(self.session, hidden, "value"), "CKR_ATTRIBUTE_SENSITIVE")
            found = self.module.find(self.session, label="agreed")
            self.assertEqual(len(found), 2)
            for handle in found:
                self.module("DestroyObject", self.session, handle)
            self.assertEqual(self.module.find(self.session, label="agreed"), [])
            self.module("DigestInit", self.session, byref(mechanism("CKM_SHA256")))
            self.module("DigestKey", self.session, short)
            self.assertEqual(self.module.sized("DigestFinal", self.session), hashlib.sha256(expected[-16:]).digest())

    def test_key_agreement_refused(self):
        point = b"\4" + bytes(64)
        key = self.private(b"\x01")
        self.derive(key, point, "CKR_MECHANISM_PARAM_INVALID")
        self.derive(key, b"", "CKR_MECHANISM_PARAM_INVALID")
        good = self.module.attribute(self.session, self.public(b"\x01"), "ec_point")[2:]
        self.derive(key, good, "CKR_MECHANISM_PARAM_INVALID", kdf=C["CKD_SHA1_KDF"])
        self.derive(key, good + b"\0", "CKR_MECHANISM_PARAM_INVALID")
        self.derive(key, good, "CKR_KEY_SIZE_RANGE", value_len=33)
        self.derive(key, good, "CKR_KEY_SIZE_RANGE", value_len=15, key_type=C["CKK_AES"])
        self.derive(key, good, "CKR_TEMPLATE_INCONSISTENT", key_type=C["CKK_DES3"])
        self.derive(key, good, "CKR_TEMPLATE_INCONSISTENT", token=True)
        self.derive(key, good, "CKR_ATTRIBUTE_VALUE_INVALID", sensitive=b"xx")
        self.derive(self.private(b"\x0a"), good, "CKR_KEY_FUNCTION_NOT_PERMITTED")
        self.derive(99999, good, "CKR_KEY_HANDLE_INVALID")

    def test_a_peers_key_never_replaces_another(self):
        own, brain = self.private(b"\x0c"), self.module.attribute(self.session, self.public(b"\x0c"), "ec_point")[2:]
        self.assertEqual(self.module.find(self.session, id=b"\x10"), [])
        self.derive(own, brain)  # into the one place there is, which was empty
        handle = self.public(b"\x10")
        self.assertEqual(self.module.attribute(self.session, handle, "ec_point")[2:], brain)
        self.derive(own, brain, "CKR_DEVICE_MEMORY")
        self.assertEqual(self.public(b"\x10"), handle)

    def generate(self, rv="CKR_OK", how="CKM_EC_KEY_PAIR_GEN", for_public=None, for_private=None, session=None):
        public, private = Template(**(for_public or {})), Template(**(for_private or {}))
        handles = c_ulong(0), c_ulong(0)
        self.assert_rv(rv, "GenerateKeyPair", session or self.session, byref(mechanism(how)), public.array,
                       len(public), private.array, len(private), byref(handles[0]), byref(handles[1]))
        return handles[0].value, handles[1].value

    def test_key_pairs_are_made_in_containers(self):
        public, private = self.generate(for_public={"ec_params": P256_OID})
        identifier = self.module.attribute(self.session, private, "id")
        self.assertIn(identifier, (b"\x0d", b"\x04"))  # the first empty one
        self.assertEqual(self.module.attribute(self.session, public, "id"), identifier)
        self.assertEqual(self.module.attribute(self.session, private, "local"), b"\1")
        again, _ = self.generate(for_public={"ec_params": P256_OID}, for_private={"id": b"\x0d"})
        how = mechanism("CKM_ECDSA_SHA256")
        signature = self.module.sign(self.session, self.private(b"\x0d"), how, TEXT)
        self.assertEqual(self.module.verify(self.session, again, how, TEXT, signature), "CKR_OK")
        point = self.module.attribute(self.session, again, "ec_point")
        replaced, _ = self.generate(for_public={"ec_params": P256_OID, "label": "empty"})
        self.assertNotEqual(self.module.attribute(self.session, replaced, "ec_point"), point)
        self.assertEqual(self.module.rv("GetAttributeValue", self.session, again, Template(label=b"").array, 1),
                         "CKR_OBJECT_HANDLE_INVALID")  # that key is no more
        self.assertEqual(len(self.module.find(self.session, id=b"\x0d")), 2)

    def test_key_pairs_refused(self):
        wanted = {"ec_params": P256_OID}
        self.generate("CKR_TEMPLATE_INCOMPLETE")
        self.generate("CKR_CURVE_NOT_SUPPORTED", for_public={"ec_params": b"\6\5\x2b\x81\4\0\x23"})
        self.generate("CKR_ATTRIBUTE_VALUE_INVALID", for_public=wanted, for_private={"id": b"\x77"})
        self.generate("CKR_ATTRIBUTE_VALUE_INVALID", for_public=wanted, for_private={"id": b"\x01"})
        self.generate("CKR_ATTRIBUTE_VALUE_INVALID", for_public=wanted, for_private={"id": b"\x0b"})
        self.generate("CKR_TEMPLATE_INCONSISTENT", for_public=wanted, for_private={"extractable": True})
        self.generate("CKR_TEMPLATE_INCONSISTENT", for_public=wanted, for_private={"sensitive": False})
        self.generate("CKR_DEVICE_MEMORY", for_public={"ec_params": P384_OID})  # full, and persistent
        self.generate("CKR_TEMPLATE_INCOMPLETE", "CKM_RSA_PKCS_KEY_PAIR_GEN")
        self.generate("CKR_KEY_SIZE_RANGE", "CKM_RSA_PKCS_KEY_PAIR_GEN", {"modulus_bits": 1024})
        self.generate("CKR_ATTRIBUTE_VALUE_INVALID", "CKM_RSA_PKCS_KEY_PAIR_GEN",
                      {"modulus_bits": 2048, "public_exponent": b"\3"})
        self.generate("CKR_MECHANISM_INVALID", "CKM_ECDSA", wanted)
        self.generate("CKR_SESSION_READ_ONLY", for_public=wanted, session=self.module.open(read_write=False))

    def test_random(self):
        out = (ctypes.c_ubyte * 300)()
        self.module("GenerateRandom", self.session, out, 300)
        self.assertGreater(len(set(out)), 100)
        self.module("GenerateRandom", self.session, None, 0)
        self.assert_rv("CKR_ARGUMENTS_BAD", "GenerateRandom", self.session, None, 1)
        self.assert_rv("CKR_DATA_LEN_RANGE", "GenerateRandom", self.session, out, 1 << 30)
        self.assert_rv("CKR_RANDOM_SEED_NOT_SUPPORTED", "SeedRandom", self.session, out, 1)

    def test_digests(self):
        for name, function in HASHES.items():
            how = mechanism("CKM_" + name)
            for text in (b"", TEXT):
                self.assertEqual(self.module.digest(self.session, how, text), function(text).digest())
            self.module("DigestInit", self.session, byref(how))
            self.assert_rv("CKR_OPERATION_ACTIVE", "DigestInit", self.session, byref(how))
            self.module("DigestUpdate", self.session, buffer(TEXT), len(TEXT))
            out, size = (ctypes.c_ubyte * 64)(), c_ulong(64)
            self.assert_rv("CKR_OPERATION_ACTIVE", "Digest", self.session, out, 1, out, byref(size))
            size.value = 31
            self.assert_rv("CKR_BUFFER_TOO_SMALL", "DigestFinal", self.session, out, byref(size))
            self.assertEqual(size.value, function().digest_size)
            self.module("DigestFinal", self.session, out, byref(size))
            self.assertEqual(bytes(out[:size.value]), function(TEXT).digest())
            self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", "DigestFinal", self.session, out, byref(size))
            self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", "DigestUpdate", self.session, out, 1)
        self.assert_rv("CKR_MECHANISM_INVALID", "DigestInit", self.session, byref(mechanism("CKM_MD5")))
        self.module("DigestInit", self.session, byref(mechanism("CKM_SHA256")))
        self.assert_rv("CKR_KEY_INDIGESTIBLE", "DigestKey", self.session, self.secret("psk"))
        self.assert_rv("CKR_OPERATION_NOT_INITIALIZED", "DigestKey", self.session, self.secret("psk"))


if __name__ == "__main__":
    unittest.main()
