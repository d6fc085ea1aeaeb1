/* The client of Telegram's Bot API: libcurl, stepped by an event loop. Nothing here blocks; names
 * are looked up by a thread of libcurl's own.
 *
 * One call is one HTTP request. Nothing is idempotent there, so a call is never repeated behind its
 * caller's back, not even where libcurl would: when a connection that was kept from an earlier
 * call ends without a word.
 *
 * The token is part of every URL, so no URL and none of libcurl's own notes are ever logged, and a
 * description that contains the token is not passed on. TLS 1.2 or later, with the system's
 * authorities or `ca_file`'s; http only to this host, or if the operator says so. No redirects. No
 * proxy is used, whatever the environment says: those variables are meant for other programs, and
 * a proxy would be one more who may be given the token. */
#ifndef PERCH_BOT_API_H
#define PERCH_BOT_API_H

#include <stdbool.h>

#include "bot_reply.h"

enum {
    BOT_API_CONNECT_MS = 10 * 1000,
    BOT_API_SEND_MS = 30 * 1000,
    BOT_API_POLL_MS = 65 * 1000, /* for getUpdates, which waits for 50 s at most */
    BOT_TOKEN_MAX = 128,
    BOT_API_SECRET_MAX = 44, /* with the NUL */
};

struct event_base;
struct bot_api;
struct bot_call;

struct bot_api_options {
    const char *url;        /* without "/bot<token>": "https://api.telegram.org" */
    const char *token_file; /* "<digits>:<letters, digits, _ and ->" on its first and only line */
    bool insecure;          /* http also to other hosts */
    const char *ca_file;    /* PEM, of who is trusted; NULL: the system's */
};

/* The call has ended. The reply is released after this call, which may begin others. */
typedef void bot_api_done(void *argument, const struct bot_reply *reply);

/* Connects to nothing yet. `base` must outlive it. The process ignores SIGPIPE. ERR_CONFIG, logged,
 * when an option is wrong or libcurl cannot do what is needed. */
int bot_api_new(struct event_base *base, const struct bot_api_options *options,
                struct bot_api **ret_api) __attribute__((warn_unused_result));
/* Ends all calls without done(). Not from done(). */
void bot_api_free(struct bot_api *api);

/* 43 letters, digits, "-" and "_" for this purpose: the same for the same token, and without it
 * nobody can know them; they tell nothing of it. */
void bot_api_secret(const struct bot_api *api, const char *purpose,
                    char ret_secret[BOT_API_SECRET_MAX]);

/* Begins `method` (letters only) with these parameters, a JSON object that is copied. The whole
 * call takes timeout_ms at most, connecting BOT_API_CONNECT_MS. done() is called once, from the
 * loop; the call is gone by then. */
struct bot_call *bot_api_call(struct bot_api *api, const char *method, const char *body,
                              int timeout_ms, bot_api_done *done, void *argument);
/* Ends the call without done(). Whether the request was carried out stays unknown. */
void bot_call_cancel(struct bot_call *call);

#endif
