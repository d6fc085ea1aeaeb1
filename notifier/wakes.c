#include "wakes.h"

#include <stdlib.h>

#include "common/buf.h"
#include "common/conf.h"
#include "common/loop_redis.h"
#include "common/memory.h"
#include "common/wake.h"
#include "notifier.h"
#include "store_notifier.h"

struct wakes {
    const char *prefix;
    struct loop_redis *redis;
};

static void ignore(void *argument)
{
    (void)argument;
}

static void ignore_answer(void *argument, const struct redisReply *reply)
{
    (void)argument;
    (void)reply;
}

void wakes_publish(struct wakes *wakes, const struct pg_result *result)
{
    struct store_notifier_wake wake;
    struct buf text = {0};
    for (int row = 0; row < result->rows; row++) {
        if (!store_notifier_wake(result, row, &wake))
            continue;
        buf_clear(&text);
        wake_format_event(&text, wake.epoch, wake.wake.seq, wake.wake.event);
        loop_redis_send(wakes->redis, "PUBLISH %su:%lld %b", wakes->prefix,
                        (long long)wake.wake.user_id, text.data, text.length);
    }
    buf_release(&text);
}

struct wakes *wakes_new(struct notifier *notifier)
{
    static const struct loop_redis_calls calls = {ignore, ignore, ignore_answer};
    struct wakes *wakes = memory_new(sizeof *wakes);
    wakes->prefix = notifier->conf->redis_prefix;
    wakes->redis = loop_redis_new(notifier->base, &notifier->redis, &calls, wakes);
    return wakes;
}

void wakes_free(struct wakes *wakes)
{
    if (wakes == NULL)
        return;
    loop_redis_free(wakes->redis);
    free(wakes);
}
