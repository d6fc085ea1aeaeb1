#include "hint.h"

#include <stdlib.h>

#include "common/conf.h"
#include "common/loop_redis.h"
#include "common/memory.h"
#include "notifier.h"

struct hint {
    const char *prefix;
    struct loop_redis *redis;
    void (*heard)(void *argument);
    void *argument;
};

static void on_up(void *argument)
{
    struct hint *hint = argument;
    loop_redis_send(hint->redis, "SUBSCRIBE %sn", hint->prefix);
}

static void on_away(void *argument)
{
    (void)argument;
}

/* That it is subscribed, or a message: a reason to look either way. */
static void on_answer(void *argument, const struct redisReply *reply)
{
    struct hint *hint = argument;
    (void)reply;
    hint->heard(hint->argument);
}

struct hint *hint_new(struct notifier *notifier, void (*heard)(void *argument), void *argument)
{
    static const struct loop_redis_calls calls = {on_up, on_away, on_answer};
    struct hint *hint = memory_new(sizeof *hint);
    hint->prefix = notifier->conf->redis_prefix;
    hint->heard = heard;
    hint->argument = argument;
    hint->redis = loop_redis_new(notifier->base, &notifier->redis, &calls, hint);
    return hint;
}

void hint_free(struct hint *hint)
{
    if (hint == NULL)
        return;
    loop_redis_free(hint->redis);
    free(hint);
}
