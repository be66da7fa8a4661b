/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file simroot.h
 * The GSMA IoT SAFE applet in a SIM, for C programs: keys, certificates, random numbers, pre-shared keys that never
 * leave the card. Link with `pkg-config --cflags --libs simroot` or CMake's simroot::simroot.
 *
 * Rules that hold for every function, said once:
 *
 * - Arguments: first the object it works on, then what it writes, then what it reads. Lengths are in bytes. A pointer
 *   may be NULL only where this file says so, or where its length is 0; otherwise the result is SIMROOT_ERROR_USAGE.
 * - Result: SIMROOT_OK, or what went wrong; simroot_error_text() then has the cause and the next step in words. After
 *   any result but SIMROOT_OK and SIMROOT_ERROR_BUFFER nothing the function writes to has been touched, unless it says
 *   otherwise.
 * - Output of variable length takes `out` and `*size`: on entry the room at `out`, on return the bytes written. Too
 *   little room, or `out` NULL with `*size` 0, gives SIMROOT_ERROR_BUFFER and the room that is enough in `*size`. A
 *   function that must ask the card to know the length keeps the answer for the call that follows within 10 seconds
 *   with the same arguments, so the card is never asked twice. All others tell the length before they ask the card.
 * - Objects on the card are named by text: "01" or "id=01", the identifier in hexadecimal, or "label=NAME". The
 *   function determines the class: a private key 01 and a file 01 are two objects.
 * - Threads: cards, keys and lists may be used by several threads at once; the card works on one operation at a time.
 *   Options belong to one thread. Closing or freeing an object must be its last use. The error text is the thread's
 *   own.
 * - Processes: several processes may use a card at once. After fork() the child may go on using and closing what it
 *   inherited; it opens the card anew and leaves its parent's connection alone. Options with a trace take their
 *   function with them. A `sim:` card belongs to the process that has it open.
 * - Waiting: every operation ends within the time limit of the options, 10 seconds if not set; making a key pair
 *   gets 30.
 * - There is nothing to initialise and nothing to clean up at exit. The library starts no thread on its own account,
 *   installs no signal handler and never calls exit.
 *
 * Clauses are those of GSMA IoT.05 v1.0, "IoT SAFE Applet for (D)TLS Security".
 */
#ifndef SIMROOT_SIMROOT_H
#define SIMROOT_SIMROOT_H

#include <stddef.h>
#include <stdint.h>

#define SIMROOT_VERSION_MAJOR 0
#define SIMROOT_VERSION_MINOR 1
#define SIMROOT_VERSION_PATCH 0
/** "MAJOR.MINOR.PATCH" of this header. */
#define SIMROOT_VERSION_TEXT "0.1.0"

#if defined(_WIN32)
#error "simroot runs on POSIX systems"
#endif
/** Marks what the library exports. */
#define SIMROOT_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Results ----------------------------------------------------------------------------------------------------- */

/** What a function returns. Values may be added, numbers never change. */
typedef enum simroot_result {
  SIMROOT_OK = 0,
  SIMROOT_ERROR_USAGE = 1,  /**< an argument: NULL, wrong length, unknown constant, wrong kind of object; or closed */
  SIMROOT_ERROR_BUFFER = 2, /**< too little room; `*size` says how much is enough */
  SIMROOT_ERROR_TRANSPORT = 3, /**< port, modem, reader, time limit */
  SIMROOT_ERROR_CARD = 4,      /**< the card refused: see simroot_error_status_word() */
  SIMROOT_ERROR_NOT_FOUND = 5, /**< the card refused, because it has no such object */
  SIMROOT_ERROR_PROTOCOL = 6,  /**< card or modem gave an answer that cannot be understood */
  SIMROOT_ERROR_CRYPTO = 7,    /**< another SIM than before, a key that is not the one expected, a changed ciphertext */
  SIMROOT_ERROR_STORE = 8,     /**< files of a virtual card */
  SIMROOT_ERROR_MISMATCH = 9,  /**< a signature that does not verify */
  SIMROOT_ERROR_PIN = 10,      /**< wrong PIN, or the card wants it first, or it is blocked */
  SIMROOT_ERROR_MEMORY = 11    /**< out of memory, or a failure inside the library; the text says which */
} simroot_result_t;

/** The last error of this thread as "cause; next step", empty after a success. Never NULL. Belongs to the library,
 * valid until the thread calls a function that returns a simroot_result_t. Holds no secret. Cut off after 1000
 * characters. */
SIMROOT_API const char* simroot_error_text(void);

/** The status word (ISO/IEC 7816-4) of the last error of this thread, for example 0x6A82; 0 if it was not the card that
 * refused. */
SIMROOT_API unsigned simroot_error_status_word(void);

/** "SIMROOT_ERROR_CARD" for 4 and so on; "unknown result" for other numbers. */
SIMROOT_API const char* simroot_result_name(int result);

/** "MAJOR.MINOR.PATCH" of the library. */
SIMROOT_API const char* simroot_version(void);

/* ---- Words of IoT.05 --------------------------------------------------------------------------------------------- */

/** Hash algorithms (IoT.05 2.5.1); in simroot_info_t and simroot_object_t a combination of them. */
enum { SIMROOT_SHA256 = 1, SIMROOT_SHA384 = 2, SIMROOT_SHA512 = 4 };

/** Forms of a signature. */
enum {
  SIMROOT_ECDSA_DER = 1, /**< ECDSA-Sig-Value (RFC 3279): what TLS, X.509 and OpenSSL use; up to 72 bytes, P-384: 104 */
  SIMROOT_ECDSA_RAW = 2, /**< r and s one after the other: what JWT, COSE and PKCS#11 use; 64 bytes, P-384: 96 */
  SIMROOT_RSA_PKCS1 = 3, /**< RSASSA-PKCS1-v1_5, 256 bytes */
  SIMROOT_RSA_PSS = 4    /**< RSASSA-PSS, mask by the same hash, salt as long as the hash; 256 bytes */
};
/** Room for a signature of any form and any key. */
#define SIMROOT_MAX_SIGNATURE_SIZE 256

/** Forms of a public key. */
enum {
  SIMROOT_PUBLIC_SPKI = 1, /**< SubjectPublicKeyInfo, DER (RFC 5280): P-256 91 bytes, RSA-2048 294 */
  SIMROOT_PUBLIC_RAW = 2   /**< 04 and both coordinates: 65 bytes, P-384: 97; RSA: the modulus, 256 bytes */
};
/** Room for a public key of any form and any kind. */
#define SIMROOT_MAX_PUBLIC_KEY_SIZE 304

/** Ciphers; services of simroot's applet beyond IoT.05. */
enum {
  SIMROOT_AES_CBC = 1, /**< PKCS#7 padding; no integrity: tell nobody outside whether decryption failed */
  SIMROOT_AES_CTR = 2, /**< no integrity */
  SIMROOT_AES_GCM = 3,
  SIMROOT_RSA_OAEP = 4 /**< SHA-256; decryption only, with a private key */
};
/** Longest text in one AES-GCM. */
#define SIMROOT_MAX_GCM_TEXT_SIZE 224

/** Classes of objects. */
enum { SIMROOT_PRIVATE_KEY = 0, SIMROOT_PUBLIC_KEY = 1, SIMROOT_FILE = 2, SIMROOT_SECRET_KEY = 3 };

/** Key types (tag 4B); the last two bits of the elliptic ones: 3 persistent, 4 volatile. */
enum {
  SIMROOT_KEY_RSA_2048 = 0x03,
  SIMROOT_KEY_P256 = 0x13,
  SIMROOT_KEY_P256_VOLATILE = 0x14,
  SIMROOT_KEY_BRAINPOOL_P256 = 0x23,
  SIMROOT_KEY_BRAINPOOL_P256_VOLATILE = 0x24,
  SIMROOT_KEY_P384 = 0x33,
  SIMROOT_KEY_P384_VOLATILE = 0x34,
  SIMROOT_KEY_PSK = 0xA0,
  SIMROOT_KEY_AES_CMAC = 0xB0,
  SIMROOT_KEY_AES = 0xB1
};

/** What a card or object can do (tags 90 and 61), a combination. The last two are services beyond IoT.05. */
enum {
  SIMROOT_CAN_SIGN = 0x01, /**< a public key: verify */
  SIMROOT_CAN_GENERATE = 0x02,
  SIMROOT_CAN_AGREE = 0x04,
  SIMROOT_CAN_DERIVE = 0x08,
  SIMROOT_CAN_ENCRYPT = 0x10,
  SIMROOT_CAN_DECRYPT = 0x20
};

/** Services beyond IoT.05 that simroot's applet announces, a combination. */
enum {
  SIMROOT_HAS_HASH = 0x0001,
  SIMROOT_HAS_AES_CBC = 0x0002,
  SIMROOT_HAS_AES_CTR = 0x0004,
  SIMROOT_HAS_AES_GCM = 0x0008,
  SIMROOT_HAS_CMAC = 0x0010,
  SIMROOT_HAS_RSA_OAEP = 0x0020,
  SIMROOT_HAS_CSR = 0x0040,
  SIMROOT_HAS_LOCAL_WRITE = 0x0080,
  SIMROOT_HAS_P384 = 0x0100
};

/* ---- Options ----------------------------------------------------------------------------------------------------- */

/** How a card is opened. */
typedef struct simroot_options simroot_options_t;
/** One card. */
typedef struct simroot_card simroot_card_t;
/** One private key on a card. */
typedef struct simroot_key simroot_key_t;
/** The objects that a card had at one moment. */
typedef struct simroot_list simroot_list_t;

/** Options with all defaults; NULL if there is no memory. Free with simroot_options_free(). */
SIMROOT_API simroot_options_t* simroot_options_new(void);
/** NULL is allowed. Cards opened with the options are not touched. */
SIMROOT_API void simroot_options_free(simroot_options_t* options);

/** Limit for one operation as a whole, waiting for other programs included. @param timeout_ms 1 to 600000. */
SIMROOT_API simroot_result_t simroot_options_set_timeout(simroot_options_t* options, uint32_t timeout_ms);

/** Where certificates and public keys are kept between runs of the program. @param directory NULL: the default
 * ($SIMROOT_CACHE, $XDG_CACHE_HOME/simroot, ~/.cache/simroot); empty: no cache. */
SIMROOT_API simroot_result_t simroot_options_set_cache(simroot_options_t* options, const char* directory);

/** Adds an application identifier, tried in the order of the calls in place of the known ones (IoT.05 2.2).
 * @param aid_size 5 to 16. */
SIMROOT_API simroot_result_t simroot_options_add_aid(simroot_options_t* options, const uint8_t* aid, size_t aid_size);

/** Told of every exchange in words: "-> COMMAND" and "<- ANSWER (17000 us)", two lines without a last line end. What
 * may be secret is replaced by "..". Called in the thread that works on the card, while it works: must not call
 * simroot nor throw.
 * @param text valid during the call. */
typedef void (*simroot_trace_function_t)(void* context, const char* text);
/** @param function NULL: no trace. @param context handed to `function`; outlives the card. */
SIMROOT_API simroot_result_t simroot_options_set_trace(simroot_options_t* options, simroot_trace_function_t function,
                                                       void* context);

/* ---- Card -------------------------------------------------------------------------------------------------------- */

/** Makes a handle for a card. Does not touch the port: the first operation opens it and says what is wrong with it.
 * @param uri "at:/dev/ttyUSB2", "pcsc:", "unix:/run/simroot.sock", "sim:FILE"; NULL: $SIMROOT_CARD.
 * @param options NULL for the defaults; copied.
 * @returns SIMROOT_ERROR_USAGE for a URI that is none, or none at all. */
SIMROOT_API simroot_result_t simroot_card_open(simroot_card_t** card, const char* uri,
                                               const simroot_options_t* options);

/** Closes channel and port, and frees the handle. NULL is allowed. Keys of this card that are still open give
 * SIMROOT_ERROR_USAGE from now on, and still have to be closed. */
SIMROOT_API void simroot_card_close(simroot_card_t* card);

/** Closes channel and port for now, so that the modem may sleep or be given to others; the next operation opens them.
 */
SIMROOT_API simroot_result_t simroot_card_disconnect(simroot_card_t* card);

/** What a card says of itself. Set `struct_size` to sizeof(simroot_info_t) before the call, for example with
 * SIMROOT_INFO_INIT: fields that a later version adds stay untouched in programs that do not know them. */
typedef struct simroot_info {
  size_t struct_size;
  char iccid[24];                /**< 18 to 20 digits; empty if the modem or the card does not tell */
  uint32_t applet_version;       /**< tag 10: 0x10 for version 1.0 */
  uint32_t functions;            /**< SIMROOT_CAN_... */
  uint32_t hash_algorithms;      /**< SIMROOT_SHA... */
  uint32_t signature_algorithms; /**< 1 RSA PKCS#1, 2 RSA PSS, 4 ECDSA, 8 AES-CMAC (tag 92) */
  uint32_t key_agreement;        /**< 1 ECKA (tag 93) */
  uint32_t key_derivation;       /**< 1 PRF SHA-256 of TLS 1.2, 2 HKDF (tag 94) */
  uint32_t services;             /**< SIMROOT_HAS_...; 0 for other applets than simroot's */
  uint32_t change_counter;       /**< grows with every change of an object; 0 for other applets than simroot's */
  uint32_t max_files;            /**< how many objects of each class there can be, and sessions at once */
  uint32_t max_private_keys;
  uint32_t max_public_keys;
  uint32_t max_secret_keys;
  uint32_t max_sessions;
  uint8_t identifier[32]; /**< tag 11, the applet's own identifier */
  uint32_t identifier_size;
} simroot_info_t;
#define SIMROOT_INFO_INIT \
  { sizeof(simroot_info_t), "", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}, 0 }

/** ICCID and application information (IoT.05 2.12). A card without ICCID is no error. */
SIMROOT_API simroot_result_t simroot_card_info(simroot_card_t* card, simroot_info_t* info);

/** What has been exchanged with the card since it was opened. `struct_size` as in simroot_info_t. */
typedef struct simroot_counters {
  size_t struct_size;
  uint64_t exchanges;  /**< APDUs; with a modem: command lines that carry one */
  uint64_t bytes_sent; /**< of APDUs */
  uint64_t bytes_received;
  uint64_t characters_sent; /**< on a serial line, everything included */
  uint64_t characters_received;
} simroot_counters_t;
#define SIMROOT_COUNTERS_INIT \
  { sizeof(simroot_counters_t), 0, 0, 0, 0, 0 }

/** Does not talk to the card. */
SIMROOT_API simroot_result_t simroot_card_counters(simroot_card_t* card, simroot_counters_t* counters);

/** Random bytes from the card (GET RANDOM, IoT.05 2.18). @param size 1 or more; 255 bytes cost one exchange. */
SIMROOT_API simroot_result_t simroot_card_random(simroot_card_t* card, uint8_t* out, size_t size);

/** Whether the card has a user PIN. `struct_size` as in simroot_info_t. */
typedef struct simroot_pin {
  size_t struct_size;
  uint32_t exists;     /**< 1: there is a PIN; 0: nothing has to be given */
  uint32_t verified;   /**< 1: it has been given since the card was powered, by whatever program */
  uint32_t tries_left; /**< 0: blocked, the issuer can unblock it; 15: not told; meaningless once verified */
} simroot_pin_t;
#define SIMROOT_PIN_INIT \
  { sizeof(simroot_pin_t), 0, 0, 0 }

/** Asks for the state of the user PIN. Uses up no try. */
SIMROOT_API simroot_result_t simroot_card_pin(simroot_card_t* card, simroot_pin_t* pin);

/** Gives the user PIN (VERIFY, ETSI TS 102 221 11.1.9). Sent at most once. A wrong one uses up a try, and gives
 * SIMROOT_ERROR_PIN with what is left in `state`, which may be NULL. @param pin_size 1 to 8. */
SIMROOT_API simroot_result_t simroot_card_verify_pin(simroot_card_t* card, simroot_pin_t* state, const uint8_t* pin,
                                                     size_t pin_size);

/* ---- Objects ----------------------------------------------------------------------------------------------------- */

/** One object. `struct_size` as in simroot_info_t. Fields that do not belong to the class are 0. */
typedef struct simroot_object {
  size_t struct_size;
  char reference[128]; /**< "id=01", or "label=NAME" if it has no identifier: what the functions take */
  char label[64];      /**< up to 60 bytes and a zero; empty if it has none */
  uint8_t id[20];
  uint32_t id_size;
  uint32_t object_class;         /**< SIMROOT_PRIVATE_KEY and so on */
  uint32_t active;               /**< 1: has a value and may be used; 0: empty (tag 4A) */
  uint32_t access;               /**< 1 may be read, 2 may be written by the device (tag 60) */
  uint32_t key_type;             /**< SIMROOT_KEY_... */
  uint32_t key_usage;            /**< 1 general, 2 TLS 1.2, 3 TLS 1.3 (tag 4E) */
  uint32_t functions;            /**< SIMROOT_CAN_... */
  uint32_t hash_algorithms;      /**< SIMROOT_SHA... */
  uint32_t signature_algorithms; /**< as in simroot_info_t */
  uint32_t key_agreement;
  uint32_t key_derivation;
  uint32_t file_usage; /**< 1 general, 2 certificate (tag 21) */
  uint32_t file_size;  /**< bytes */
} simroot_object_t;
#define SIMROOT_OBJECT_INIT \
  { sizeof(simroot_object_t), "", "", {0}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** All objects of the card (GET DATA object list, IoT.05 2.13). Free with simroot_list_free(). */
SIMROOT_API simroot_result_t simroot_card_list(simroot_card_t* card, simroot_list_t** list);
/** 0 for NULL. */
SIMROOT_API size_t simroot_list_count(const simroot_list_t* list);
/** @param index 0 to simroot_list_count() - 1. */
SIMROOT_API simroot_result_t simroot_list_get(const simroot_list_t* list, simroot_object_t* object, size_t index);
/** NULL is allowed. */
SIMROOT_API void simroot_list_free(simroot_list_t* list);

/** One object (GET DATA, IoT.05 2.14 to 2.17). @param object_class SIMROOT_PRIVATE_KEY and so on.
 * @returns SIMROOT_ERROR_NOT_FOUND if there is none. */
SIMROOT_API simroot_result_t simroot_card_object(simroot_card_t* card, simroot_object_t* object, uint32_t object_class,
                                                 const char* reference);

/** Content of a file (READ FILE, IoT.05 2.21). A certificate padded with zeros is cut to its length. */
SIMROOT_API simroot_result_t simroot_card_read_file(simroot_card_t* card, uint8_t* out, size_t* size, const char* file);

/** The same for a file that must hold an X.509 certificate; its DER form. @returns SIMROOT_ERROR_PROTOCOL if it holds
 * something else. */
SIMROOT_API simroot_result_t simroot_card_read_certificate(simroot_card_t* card, uint8_t* out, size_t* size,
                                                           const char* file);

/** A public key (READ PUBLIC KEY, IoT.05 2.22). @param form SIMROOT_PUBLIC_... */
SIMROOT_API simroot_result_t simroot_card_read_public_key(simroot_card_t* card, uint8_t* out, size_t* size,
                                                          const char* public_key, uint32_t form);

/** Writes a public key on an elliptic curve into an object that allows it (PUT PUBLIC KEY, IoT.05 2.19, 2.20).
 * @param value 04 and both coordinates (65 bytes, P-384: 97), or SubjectPublicKeyInfo in DER. */
SIMROOT_API simroot_result_t simroot_card_put_public_key(simroot_card_t* card, const char* public_key,
                                                         const uint8_t* value, size_t value_size);

/** Checks a signature on the card (VERIFY SIGNATURE, IoT.05 2.23, 2.24).
 * @param form SIMROOT_ECDSA_... or SIMROOT_RSA_... @param hash SIMROOT_SHA... @param digest 32, 48 or 64 bytes, as
 * `hash` says.
 * @returns SIMROOT_ERROR_MISMATCH if it does not match; SIMROOT_ERROR_USAGE if it has no possible form. */
SIMROOT_API simroot_result_t simroot_card_verify(simroot_card_t* card, const char* public_key, uint32_t form,
                                                 uint32_t hash, const uint8_t* digest, size_t digest_size,
                                                 const uint8_t* signature, size_t signature_size);

/* ---- Private keys ------------------------------------------------------------------------------------------------ */

/** Makes a handle for a private key. Does not talk to the card: a key that is not there is reported at its first use.
 * Close with simroot_key_close(). */
SIMROOT_API simroot_result_t simroot_key_open(simroot_key_t** key, simroot_card_t* card, const char* private_key);

/** Makes a new key pair on the card (GENERATE KEY PAIR, IoT.05 2.11) in a container that allows it; the old pair is
 * lost. The handle is of the new key, whose identifier may differ from the one given. Other handles of the old pair
 * have to be opened anew. */
SIMROOT_API simroot_result_t simroot_key_generate(simroot_key_t** key, simroot_card_t* card, const char* private_key);

/** NULL is allowed. */
SIMROOT_API void simroot_key_close(simroot_key_t* key);

/** The key's name, "id=01", zero included in `*size`. Does not talk to the card. */
SIMROOT_API simroot_result_t simroot_key_reference(simroot_key_t* key, char* out, size_t* size);

/** @param type gets SIMROOT_KEY_..., always the persistent one of a curve. @param bits 256, 384 or 2048; may be NULL.
 */
SIMROOT_API simroot_result_t simroot_key_type(simroot_key_t* key, uint32_t* type, uint32_t* bits);

/** The public half: same identifier, else same label, else the same place in the card's list. Read once and kept.
 * @param form SIMROOT_PUBLIC_... */
SIMROOT_API simroot_result_t simroot_key_public(simroot_key_t* key, uint8_t* out, size_t* size, uint32_t form);

/** Signs a digest (COMPUTE SIGNATURE, IoT.05 2.9, 2.10). The first P-256 signature after each opening of the card is
 * checked with the public half: a SIM that was changed gives SIMROOT_ERROR_CRYPTO.
 * @param form SIMROOT_ECDSA_... or SIMROOT_RSA_... @param hash SIMROOT_SHA..., not every card has each @param digest
 * 32, 48 or 64 bytes, as `hash` says. */
SIMROOT_API simroot_result_t simroot_key_sign(simroot_key_t* key, uint8_t* signature, size_t* signature_size,
                                              uint32_t form, uint32_t hash, const uint8_t* digest, size_t digest_size);

/** The same for data of any length, which are hashed on the host. */
SIMROOT_API simroot_result_t simroot_key_sign_data(simroot_key_t* key, uint8_t* signature, size_t* signature_size,
                                                   uint32_t form, uint32_t hash, const uint8_t* data, size_t data_size);

/** Key agreement with a public key that is on the card, put there before (COMPUTE DH, IoT.05 2.6).
 * @param secret the X coordinate, 32 bytes, P-384: 48. Wipe it after use. */
SIMROOT_API simroot_result_t simroot_key_ecdh(simroot_key_t* key, uint8_t* secret, size_t* secret_size,
                                              const char* public_key);

/** A certificate request (PKCS#10, RFC 2986) in DER, signed by the key with SHA-256 (P-384: SHA-384).
 * @param subject "/CN=device1/O=Example" or "CN=device1,O=Example", UTF-8; a backslash takes the next character as it
 * is. */
SIMROOT_API simroot_result_t simroot_key_csr(simroot_key_t* key, uint8_t* out, size_t* size, const char* subject);

/* ---- Pre-shared keys and other secret keys ----------------------------------------------------------------------- */

/** P_SHA256 of TLS 1.2 (RFC 5246 5) over the pre-master secret of a pre-shared key (COMPUTE PRF, IoT.05 2.8).
 * @param out_size 1 to 255. @param other_secret of ECDHE-PSK (RFC 5489), empty for plain PSK (RFC 4279).
 * @param label_and_seed 1 to 255 bytes. Wipe `out` after use. */
SIMROOT_API simroot_result_t simroot_card_tls12_prf(simroot_card_t* card, uint8_t* out, size_t out_size,
                                                    const char* secret_key, const uint8_t* other_secret,
                                                    size_t other_secret_size, const uint8_t* label_and_seed,
                                                    size_t label_and_seed_size);

/** The early secret of TLS 1.3 (RFC 8446 7.1), HKDF-Extract(0, PSK) (COMPUTE HKDF, IoT.05 2.7). It is the same for
 * every handshake, so whoever learns it can use it in place of the key. Wipe `out` after use.
 * @param hash SIMROOT_SHA256 or SIMROOT_SHA384 @param out_size exactly 32 or 48. */
SIMROOT_API simroot_result_t simroot_card_tls13_early_secret(simroot_card_t* card, uint8_t* out, size_t out_size,
                                                             const char* secret_key, uint32_t hash);

/* Services of simroot's applet beyond IoT.05. Other cards give SIMROOT_ERROR_CARD before anything is sent. */

/** Hashes on the card. @param hash SIMROOT_SHA... @param out_size exactly 32, 48 or 64. */
SIMROOT_API simroot_result_t simroot_card_hash(simroot_card_t* card, uint8_t* out, size_t out_size, uint32_t hash,
                                               const uint8_t* text, size_t text_size);

/** AES-CMAC (RFC 4493). Cards of Thales have it, too. */
SIMROOT_API simroot_result_t simroot_card_mac(simroot_card_t* card, uint8_t mac[16], const char* secret_key,
                                              const uint8_t* text, size_t text_size);

/** Encrypts with an AES key of the card. `out` gets nonce, ciphertext and, for GCM, authentication tag, one after the
 * other: 12 + n + 16 bytes for GCM, 16 + n for CTR, 16 + n padded to the next multiple of 16 for CBC. The card makes
 * the nonce.
 * @param mode SIMROOT_AES_... @param aad authenticated but not encrypted, GCM only, up to 200 bytes
 * @param text_size up to SIMROOT_MAX_GCM_TEXT_SIZE for GCM. */
SIMROOT_API simroot_result_t simroot_card_encrypt(simroot_card_t* card, uint8_t* out, size_t* size,
                                                  const char* secret_key, uint32_t mode, const uint8_t* aad,
                                                  size_t aad_size, const uint8_t* text, size_t text_size);

/** Decrypts what simroot_card_encrypt() made, or with SIMROOT_RSA_OAEP a ciphertext of 256 bytes. `*size` must have
 * room for as many bytes as the ciphertext has, without nonce and tag. Wipe `out` after use.
 * @param key a secret key; a private key for SIMROOT_RSA_OAEP.
 * @returns SIMROOT_ERROR_CRYPTO if something was changed, or belongs to another key. */
SIMROOT_API simroot_result_t simroot_card_decrypt(simroot_card_t* card, uint8_t* out, size_t* size, const char* key,
                                                  uint32_t mode, const uint8_t* aad, size_t aad_size,
                                                  const uint8_t* sealed, size_t sealed_size);

#ifdef __cplusplus
}
#endif

#endif /* SIMROOT_SIMROOT_H */
