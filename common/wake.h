/* Wake-ups, as published on a user's Redis channel "<prefix>u:<user id>":
 *
 *   "e <epoch> <seq> <event JSON>"   an event of the log; the JSON is left out where it is too long
 *   "t <event JSON>"                 something passing, not in the log
 *   "s <session id>"                 that session ended
 *   "p <0|1> <user> <0|i|a> <ms>"    a partner is offline, idle or active, and was last seen then;
 * 1: worth waking somebody for (published by lease_script.c) */
#ifndef PERCH_WAKE_H
#define PERCH_WAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "cursor.h"

enum wake_kind { WAKE_EVENT, WAKE_PASSING, WAKE_SESSION_END, WAKE_PRESENCE };

struct wake {
    enum wake_kind kind;
    struct cursor at;   /* WAKE_EVENT */
    int64_t session_id; /* WAKE_SESSION_END */
    struct {            /* WAKE_PRESENCE */
        int64_t user_id;
        int64_t seen_ms; /* since 1970 */
        char state;
        bool urgent;
    } presence;
    const char *json; /* NULL where there is none; points into the text */
};

enum { WAKE_JSON_MAX = 48 * 1024 };

void wake_format_event(struct buf *buf, const char *epoch, int64_t seq, const char *json);
void wake_format_passing(struct buf *buf, const char *json);
void wake_format_session_end(struct buf *buf, int64_t session_id);

/* ERR_BAD_REQUEST for anything else. `text` is NUL-terminated. */
int wake_parse(const char *text, struct wake *ret_wake) __attribute__((warn_unused_result));

#endif
