/* The text of a stream of server-sent events (HTML, section 9.2), as the worker begins it and the
 * hub goes on. A block's "id" is the cursor after its event: browsers send the last one back as
 * Last-Event-ID when they come again. */
#ifndef PERCH_STREAM_H
#define PERCH_STREAM_H

#include <stdbool.h>

#include "common/buf.h"

enum {
    STREAM_PING_MS = 15000,
    STREAM_RETRY_MS = 1000, /* for a browser whose connection breaks */
    STREAM_AGAIN_MS = 50,   /* where there is more than the stream can bring */
};

#define STREAM_TYPE "text/event-stream"

/* Whether an Accept header asks for a stream; NULL is fine. "*" stands for JSON. */
bool stream_is_accepted(const char *accept);

/* The browser stands at this cursor, and comes back after `retry_ms` if the connection breaks. */
void stream_add_start(struct buf *buf, const char *cursor, int retry_ms);

/* One event, of the log, or passing (cursor NULL). The JSON has no line breaks. */
void stream_add_event(struct buf *buf, const char *cursor, const char *json);

/* Something to find out by whether anybody is still there. */
void stream_add_ping(struct buf *buf);

/* The stream ends; the browser comes back after `retry_ms`. */
void stream_add_end(struct buf *buf, int retry_ms);

/* It ends for a newer stream or poll of the same tab: an event of the type "superseded", on which
 * a client that comes back takes a new tab. */
void stream_add_superseded(struct buf *buf, int retry_ms);

#endif
