/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file server.h
 * The server's side of simroot, for C programs: a TLS or DTLS server of yours (OpenSSL 3) knows every device of the
 * tenant, its state and its pre-shared key, and learns within a second when one is suspended or revoked. Link with
 * `pkg-config --cflags --libs simroot-server` or CMake's simroot::server. server.hpp has the same for C++.
 *
 * Rules: as in simroot.h for arguments, results and output. Results are simroot_result_t of that file;
 * simroot_server_error_text() has the cause and the next step in words, per thread. All functions may be called from
 * any thread; of one connection only by the thread that uses it at the time, as OpenSSL wants it. The library starts
 * threads of its own (no signal is delivered to them); after fork() only the parent goes on using what it has opened.
 */
#ifndef SIMROOT_SERVER_H
#define SIMROOT_SERVER_H

#include <simroot/simroot.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ssl_st;
struct ssl_ctx_st;

/** The middleware: a directory of credentials in step with the platform. */
typedef struct simroot_server simroot_server_t;
/** A live connection that is watched. */
typedef struct simroot_watch simroot_watch_t;

/** The last error of this thread as "cause; next step", empty after a success. Never NULL; valid until the thread calls
 * the next function that returns a simroot_result_t. Holds no secret. */
SIMROOT_API const char* simroot_server_error_text(void);

/** Levels of log lines. */
enum { SIMROOT_LOG_DEBUG = 0, SIMROOT_LOG_INFO = 1, SIMROOT_LOG_WARNING = 2, SIMROOT_LOG_ERROR = 3 };

/** One line, UTF-8 without line feed, no secret in it. From any thread. */
typedef void (*simroot_server_log_t)(void* context, int level, const char* line);

/** How the middleware works. Set `size` to sizeof(simroot_server_options_t), everything else to 0 for the default. */
typedef struct simroot_server_options {
  size_t size;
  const char* directory;    /**< what `simroot server enrol` wrote; required */
  unsigned max_staleness_s; /**< longest time without a word from the platform; 0: 86400; UINT_MAX: no limit */
  int open_when_stale;      /**< not 0: go on with what is known after that time; 0: refuse everybody */
  unsigned first_contact_s; /**< how long to wait for the platform when there is no local copy; 0: 30 */
  simroot_server_log_t log; /**< NULL: JSON lines on stderr */
  void* log_context;
} simroot_server_options_t;

/** Opens the middleware. The local copy is enough: the platform may be away. SIMROOT_ERROR_TRANSPORT: there is neither
 * copy nor platform; SIMROOT_ERROR_USAGE: the directory holds no identity; SIMROOT_ERROR_STORE: it cannot be used. */
SIMROOT_API simroot_result_t simroot_server_open(simroot_server_t** server, const simroot_server_options_t* options);
/** The handle is gone, and the log is called no more. The middleware itself works on until the last SSL_CTX it was
 * attached to and the last watch are freed. NULL does nothing. */
SIMROOT_API void simroot_server_close(simroot_server_t* server);

/** What of a context is taken over; a combination, 0 means both credentials, required. */
enum {
  SIMROOT_ATTACH_CERTIFICATES = 1,
  SIMROOT_ATTACH_PSK = 2,
  SIMROOT_ATTACH_OPTIONAL = 4 /**< a peer without credential completes the handshake */
};
/** Hooks the middleware into a server's SSL_CTX (TLS or DTLS): client certificates, PSK of TLS 1.2 and 1.3, resumed
 * sessions, lowest version (D)TLS 1.2, no ciphers but AEAD with ECDHE, DHE or PSK. Certificate and key of the server
 * stay yours. Do it last, and before the first SSL is made: callbacks that you set later take the place of these.
 * SIMROOT_ERROR_USAGE: it is attached already, or allows nothing that is strong enough. */
SIMROOT_API simroot_result_t simroot_server_attach(simroot_server_t* server, struct ssl_ctx_st* context, int what);

/** Kinds of credentials. */
enum { SIMROOT_CREDENTIAL_NONE = 0, SIMROOT_CREDENTIAL_CERTIFICATE = 1, SIMROOT_CREDENTIAL_PSK = 2 };

/** Who is at the other end. Texts are ended by NUL. */
typedef struct simroot_device {
  char tenant[65];
  char iccid[21];
  char device[65];      /**< name; empty: none */
  char credential[129]; /**< certificate: serial number in hexadecimal; PSK: identity */
  int credential_kind;
  int64_t since;     /**< when the credential became what it is, UNIX time */
  int64_t not_after; /**< its end; 0: none */
} simroot_device_t;

/** Who is at the other end of a connection whose handshake is complete, as of now. SIMROOT_ERROR_NOT_FOUND: nobody who
 * may be there, the text says why; end the connection. `device` then is all zeros. */
SIMROOT_API simroot_result_t simroot_server_identify(simroot_server_t* server, struct ssl_st* connection,
                                                     simroot_device_t* device);

/** Called once when the platform has suspended or revoked the credential. Not called when a certificate's time or the
 * limit of staleness has passed: simroot_server_identify() says so. On a thread of the library: do not block, do not
 * free the connection, only wake its owner. shutdown(2) of the socket is what most servers do here. */
typedef void (*simroot_gone_t)(void* context);

/** Watches a connection whose handshake is complete. If the device is refused already, `gone` is called before this
 * returns, which is SIMROOT_OK all the same. */
SIMROOT_API simroot_result_t simroot_server_watch(simroot_watch_t** watch, simroot_server_t* server,
                                                  struct ssl_st* connection, simroot_gone_t gone, void* context);
/** After this `gone` is not running and never called again. NULL does nothing. It may be called inside `gone`, but not
 * after simroot_server_close() for the last thing that the middleware lives by: its thread cannot end itself. */
SIMROOT_API void simroot_server_unwatch(simroot_watch_t* watch);

/** Metrics for Prometheus, text format 0.0.4, without NUL at the end; `out` and `*size` as in simroot.h. The text
 * grows: give some room more than was asked for. */
SIMROOT_API simroot_result_t simroot_server_metrics(simroot_server_t* server, char* out, size_t* size);

/** How it stands with the platform. Set `size` to sizeof(simroot_status_t) before. */
typedef struct simroot_status {
  size_t size;
  int in_step;          /**< not 0: the platform was heard within the last minute and a half */
  int stale;            /**< not 0: longer than max_staleness_s */
  int64_t last_contact; /**< UNIX time; 0: never */
  int64_t feed_number;
  uint64_t credentials;
  uint64_t devices;
} simroot_status_t;
SIMROOT_API simroot_result_t simroot_server_status(simroot_server_t* server, simroot_status_t* status);

#ifdef __cplusplus
}
#endif

#endif
