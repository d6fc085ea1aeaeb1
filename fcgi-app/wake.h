/* Wake-ups, as published on a user's Redis channel "<prefix>u:<user id>":
 *
 *   "e <epoch> <seq> <event JSON>"   an event of the log; the JSON is left out where it is too long
 *   "t <event JSON>"                 something passing, not in the log
 *   "s <session id>"                 that session ended */
#ifndef PERCH_WAKE_H
#define PERCH_WAKE_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "cursor.h"

enum wake_kind { WAKE_EVENT, WAKE_PASSING, WAKE_SESSION_END };

struct wake {
    enum wake_kind kind;
    struct cursor at;   /* WAKE_EVENT */
    int64_t session_id; /* WAKE_SESSION_END */
    const char *json;   /* NULL where there is none; points into the text */
};

enum { WAKE_JSON_MAX = 48 * 1024 };

void wake_format_event(struct buf *buf, const char *epoch, int64_t seq, const char *json);
void wake_format_passing(struct buf *buf, const char *json);
void wake_format_session_end(struct buf *buf, int64_t session_id);

/* ERR_BAD_REQUEST for anything else. `text` is NUL-terminated. */
int wake_parse(const char *text, struct wake *ret_wake) __attribute__((warn_unused_result));

#endif
