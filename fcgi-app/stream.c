#include "stream.h"

#include <string.h>
#include <strings.h>

bool stream_is_accepted(const char *accept)
{
    const size_t length = strlen(STREAM_TYPE);
    while (accept != NULL && *accept != '\0') {
        accept += strspn(accept, " \t,");
        if (strncasecmp(accept, STREAM_TYPE, length) == 0 &&
            strchr(" \t,;", accept[length]) != NULL)
            return true;
        accept += strcspn(accept, ",");
    }
    return false;
}

void stream_add_start(struct buf *buf, const char *cursor, int retry_ms)
{
    /* A block without data is no event, but its id counts. */
    buf_addf(buf, "retry: %d\nid: %s\n\n", retry_ms, cursor);
}

void stream_add_event(struct buf *buf, const char *cursor, const char *json)
{
    if (cursor != NULL)
        buf_addf(buf, "id: %s\n", cursor);
    buf_adds(buf, "data: ");
    buf_adds(buf, json);
    buf_adds(buf, "\n\n");
}

void stream_add_ping(struct buf *buf)
{
    buf_adds(buf, ": ping\n\n");
}

void stream_add_end(struct buf *buf, int retry_ms)
{
    buf_addf(buf, "retry: %d\n\n", retry_ms);
}

void stream_add_superseded(struct buf *buf, int retry_ms)
{
    buf_addf(buf, "event: superseded\nretry: %d\ndata: {}\n\n", retry_ms);
}
