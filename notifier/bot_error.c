#include "bot_error.h"

#include <stddef.h>
#include <string.h>

#include "bot_reply.h"

enum {
    RETRY_FIRST_MS = 1000,
    RETRY_LAST_MS = 300 * 1000,
    CONFLICT_FIRST_MS = 3000,
    CONFLICT_LAST_MS = 30 * 1000,
    WAIT_SPREAD_MS = 1000,
    PROBE_MS = 60 * 1000,   /* of getMe, while the token is bad */
    UNKNOWN_MS = 60 * 1000, /* by then the reader may have seen it */
};

/* What the descriptions of 400 and 403 say, in any case of letters; the first that fits. */
static const struct {
    int status;
    const char *contains;
    enum bot_verdict verdict;
} descriptions[] = {
    {403, "blocked by the user", BOT_LINK_DEAD},
    {403, "deactivated", BOT_LINK_DEAD},
    {403, "can't initiate", BOT_LINK_DEAD},
    {403, "kicked", BOT_LINK_DEAD},
    {400, "chat not found", BOT_LINK_DEAD},
    {400, "too long", BOT_SHORTEN},
    {400, "too_long", BOT_SHORTEN},
    {400, "can't parse", BOT_SHORTEN},
    {400, "button", BOT_SHORTEN}, /* an address that Telegram takes no button for */
};

static enum bot_verdict classify_description(const struct bot_reply *reply)
{
    for (size_t i = 0; i < sizeof descriptions / sizeof descriptions[0]; i++)
        if (descriptions[i].status == reply->status &&
            strcasestr(reply->description, descriptions[i].contains) != NULL)
            return descriptions[i].verdict;
    return BOT_DEAD_LETTER;
}

enum bot_verdict bot_error_classify(const struct bot_reply *reply)
{
    if (reply->status == 0)
        return reply->sent ? BOT_UNKNOWN : BOT_RETRY;
    if (!reply->understood)
        return BOT_RETRY;
    if (reply->ok)
        return BOT_OK;
    switch (reply->status) {
    case 401:
    case 404:
        return BOT_TOKEN_BAD;
    case 409:
        return BOT_CONFLICT;
    case 429:
        return reply->retry_after_s > 0 ? BOT_WAIT : BOT_RETRY;
    default:
        return reply->status >= 400 && reply->status < 500 ? classify_description(reply)
                                                           : BOT_RETRY;
    }
}

/* Doubles with every failure. */
static int64_t backoff(int64_t first_ms, int64_t last_ms, int failures)
{
    int64_t delay = first_ms;
    while (failures-- > 0 && delay < last_ms)
        delay *= 2;
    return delay < last_ms ? delay : last_ms;
}

int64_t bot_error_delay_ms(enum bot_verdict verdict, const struct bot_reply *reply, int failures,
                           uint32_t random)
{
    int64_t delay;
    switch (verdict) {
    case BOT_WAIT:
        return reply->retry_after_s * INT64_C(1000) + random % (WAIT_SPREAD_MS + 1);
    case BOT_RETRY:
        delay = backoff(RETRY_FIRST_MS, RETRY_LAST_MS, failures);
        return delay - delay / 5 + random % (2 * delay / 5 + 1); /* 20 % less to 20 % more */
    case BOT_CONFLICT:
        return backoff(CONFLICT_FIRST_MS, CONFLICT_LAST_MS, failures);
    case BOT_TOKEN_BAD:
        return PROBE_MS;
    case BOT_UNKNOWN:
        return UNKNOWN_MS;
    case BOT_OK:
    case BOT_LINK_DEAD:
    case BOT_SHORTEN:
    case BOT_DEAD_LETTER:
        break;
    }
    return 0;
}
