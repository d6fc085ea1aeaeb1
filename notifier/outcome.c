#include "outcome.h"

#include <json-c/json_object.h>
#include <string.h>

#include "bot_reply.h"

static int64_t message_id_read(const struct bot_reply *reply)
{
    struct json_object *id = NULL;
    if (!json_object_is_type(reply->result, json_type_object) ||
        !json_object_object_get_ex(reply->result, "message_id", &id))
        return 0;
    return json_object_get_int64(id);
}

static struct outcome failed(enum store_notify_outcome outcome, int64_t retry_at)
{
    return (struct outcome){.kind = OUTCOME_FAILED,
                            .failure = {.outcome = outcome, .retry_at = retry_at}};
}

/* An edit that changed nothing was done before. Any other one that is refused for good was refused
 * because of the message (deleted, too old): a new one may do. */
static struct outcome edit_refused(const struct pace_answer *answer, int64_t edited, int64_t now)
{
    struct outcome outcome = failed(STORE_NOTIFY_AGAIN, now);
    if (strcasestr(answer->reply->description, "not modified") != NULL)
        return (struct outcome){.kind = OUTCOME_TOLD, .message_id = edited};
    outcome.failure.edit_gone = true;
    return outcome;
}

static struct outcome dead(const struct pace_answer *answer)
{
    struct outcome outcome = failed(STORE_NOTIFY_DEAD, 0);
    outcome.failure.reason = answer->reply->description;
    return outcome;
}

struct outcome outcome_read(const struct pace_answer *answer, int64_t edited, bool plain,
                            int failures, int64_t now, uint32_t random)
{
    struct outcome outcome;
    switch (answer->verdict) {
    case BOT_OK:
        return (struct outcome){.kind = OUTCOME_TOLD,
                                .message_id =
                                    edited != 0 ? edited : message_id_read(answer->reply)};
    case BOT_WAIT:
        outcome = failed(STORE_NOTIFY_WAIT, answer->chat_retry_at);
        outcome.failure.bot_retry_at = answer->bot_retry_at;
        return outcome;
    case BOT_TOKEN_BAD:
        return failed(STORE_NOTIFY_BACK, 0);
    case BOT_LINK_DEAD:
        return (struct outcome){.kind = OUTCOME_BLOCKED};
    case BOT_SHORTEN:
        return plain ? dead(answer) : failed(STORE_NOTIFY_SHORTEN, 0);
    case BOT_DEAD_LETTER:
        return edited != 0 ? edit_refused(answer, edited, now) : dead(answer);
    case BOT_CONFLICT:
    case BOT_RETRY:
        return failed(STORE_NOTIFY_AGAIN,
                      now + bot_error_delay_ms(BOT_RETRY, answer->reply, failures, random));
    case BOT_UNKNOWN:
        break;
    }
    return (struct outcome){.kind = OUTCOME_UNKNOWN};
}
