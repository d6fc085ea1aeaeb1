#include "wake.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"

void wake_format_event(struct buf *buf, const char *epoch, int64_t seq, const char *json)
{
    buf_adds(buf, "e ");
    buf_adds(buf, epoch);
    buf_adds(buf, " ");
    buf_addi(buf, seq);
    buf_adds(buf, " ");
    if (json != NULL && strlen(json) <= WAKE_JSON_MAX)
        buf_adds(buf, json);
}

void wake_format_passing(struct buf *buf, const char *json)
{
    buf_adds(buf, "t ");
    buf_adds(buf, json);
}

void wake_format_session_end(struct buf *buf, int64_t session_id)
{
    buf_adds(buf, "s ");
    buf_addi(buf, session_id);
}

static int wake_parse_event(const char *text, struct wake *ret_wake)
{
    const char *space = strchr(text, ' ');
    size_t length = space ? (size_t)(space - text) : 0;
    if (length < 1 || length > CURSOR_EPOCH_MAX)
        return ERR_BAD_REQUEST;
    char *end = NULL;
    struct wake wake = {.kind = WAKE_EVENT};
    memcpy(wake.at.epoch, text, length);
    wake.at.seq = strtoll(space + 1, &end, 10);
    if (end == space + 1 || *end != ' ')
        return ERR_BAD_REQUEST;
    wake.json = end[1] == '{' ? end + 1 : NULL;
    *ret_wake = wake;
    return 0;
}

int wake_parse(const char *text, struct wake *ret_wake)
{
    if (text[0] == '\0' || text[1] != ' ')
        return ERR_BAD_REQUEST;
    const char *rest = text + 2;
    switch (text[0]) {
    case 'e':
        return wake_parse_event(rest, ret_wake);
    case 't':
        if (rest[0] != '{' || strlen(rest) > WAKE_JSON_MAX)
            return ERR_BAD_REQUEST;
        *ret_wake = (struct wake){.kind = WAKE_PASSING, .json = rest};
        return 0;
    case 's':
        *ret_wake = (struct wake){.kind = WAKE_SESSION_END, .session_id = strtoll(rest, NULL, 10)};
        return 0;
    default:
        return ERR_BAD_REQUEST;
    }
}
