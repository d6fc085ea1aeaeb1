#include "bot_reply.h"

#include <string.h>

#include "common/buf.h"
#include "common/json_edge.h"

static const char not_understood[] = "the answer is not the Bot API's";

static int retry_after(struct json_object *answer)
{
    struct json_object *parameters = NULL;
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(answer, "parameters", &parameters) ||
        !json_object_object_get_ex(parameters, "retry_after", &value) ||
        !json_object_is_type(value, json_type_int))
        return 0;
    int64_t seconds = json_object_get_int64(value);
    if (seconds < 0)
        return 0;
    return seconds < BOT_REPLY_WAIT_MAX_S ? (int)seconds : BOT_REPLY_WAIT_MAX_S;
}

void bot_reply_read(struct bot_reply *reply, int status, const char *body, size_t length)
{
    struct json_object *ok = NULL;
    struct json_object *description = NULL;
    struct buf clean = {0};
    reply->status = status;
    reply->description = not_understood;
    /* One person's update must not make all of them unreadable. */
    json_edge_without_nul(body, length, &clean);
    int err = json_edge_parse(clean.data, clean.length, BOT_REPLY_DEPTH_MAX, &reply->answer);
    buf_release(&clean);
    if (err != 0 || !json_object_object_get_ex(reply->answer, "ok", &ok) ||
        !json_object_is_type(ok, json_type_boolean))
        return;
    reply->understood = true;
    reply->ok = json_object_get_boolean(ok) && status >= 200 && status < 300;
    if (reply->ok)
        json_object_object_get_ex(reply->answer, "result", &reply->result);
    reply->retry_after_s = retry_after(reply->answer);
    reply->description = "";
    if (json_object_object_get_ex(reply->answer, "description", &description) &&
        json_object_is_type(description, json_type_string))
        reply->description = json_object_get_string(description);
}

void bot_reply_release(struct bot_reply *reply)
{
    json_object_put(reply->answer);
    *reply = (struct bot_reply){0};
}
