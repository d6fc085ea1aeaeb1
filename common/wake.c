#include "wake.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

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

/* A positive number of at most 16 digits, which 53 bits need; the text after it. */
static int number_read(const char *text, int64_t *ret_number, const char **ret_rest)
{
    size_t digits = strspn(text, "0123456789");
    int64_t number = digits <= 16 ? strtoll(text, NULL, 10) : 0;
    if (digits < 1 || number < 1)
        return ERR_BAD_REQUEST;
    *ret_number = number;
    *ret_rest = text + digits;
    return 0;
}

static bool json_fits(const char *json)
{
    return json[0] == '{' && strlen(json) <= WAKE_JSON_MAX;
}

static int wake_parse_event(const char *text, struct wake *ret_wake)
{
    size_t length = strcspn(text, " ");
    struct wake wake = {.kind = WAKE_EVENT};
    const char *rest = NULL;
    if (length < 1 || length > CURSOR_EPOCH_MAX || text[length] == '\0' ||
        number_read(text + length + 1, &wake.at.seq, &rest) != 0 || *rest != ' ')
        return ERR_BAD_REQUEST;
    rest++;
    if (*rest != '\0' && !json_fits(rest))
        return ERR_BAD_REQUEST;
    memcpy(wake.at.epoch, text, length);
    wake.json = *rest != '\0' ? rest : NULL;
    *ret_wake = wake;
    return 0;
}

static int wake_parse_session_end(const char *text, struct wake *ret_wake)
{
    struct wake wake = {.kind = WAKE_SESSION_END};
    const char *rest = NULL;
    if (number_read(text, &wake.session_id, &rest) != 0 || *rest != '\0')
        return ERR_BAD_REQUEST;
    *ret_wake = wake;
    return 0;
}

static int wake_parse_presence(const char *text, struct wake *ret_wake)
{
    struct wake wake = {.kind = WAKE_PRESENCE, .presence.urgent = text[0] == '1'};
    const char *rest = NULL;
    if ((text[0] != '0' && text[0] != '1') || text[1] != ' ' ||
        number_read(text + 2, &wake.presence.user_id, &rest) != 0 || rest[0] != ' ' ||
        rest[1] == '\0' || strchr("0ia", rest[1]) == NULL || rest[2] != ' ')
        return ERR_BAD_REQUEST;
    wake.presence.state = rest[1];
    if (number_read(rest + 3, &wake.presence.seen_ms, &rest) != 0 || *rest != '\0')
        return ERR_BAD_REQUEST;
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
        if (!json_fits(rest))
            return ERR_BAD_REQUEST;
        *ret_wake = (struct wake){.kind = WAKE_PASSING, .json = rest};
        return 0;
    case 'p':
        return wake_parse_presence(rest, ret_wake);
    case 's':
        return wake_parse_session_end(rest, ret_wake);
    default:
        return ERR_BAD_REQUEST;
    }
}
