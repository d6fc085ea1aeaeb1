#include "check.h"

#include <event2/event.h>
#include <json-c/json_object.h>
#include <stdio.h>

#include "bot_api.h"
#include "bot_error.h"
#include "common/conf.h"
#include "common/loop_pg.h"
#include "common/redis.h"
#include "notifier.h"
#include "store_notifier.h"

/* A question that ends the loop with its answer. */
struct question {
    struct event_base *base;
    bool good;
    char detail[256];
};

static bool tell(bool good, const char *what, const char *detail)
{
    printf("%-11s %s  %s\n", what, good ? "ok   " : "WRONG", detail);
    return good;
}

static int counts_begin(struct pg *pg, void *argument)
{
    (void)argument;
    return store_notifier_counts_start(pg);
}

static void on_counts(void *argument, int err, const struct pg_result *result)
{
    struct question *question = argument;
    (void)result;
    question->good = err == 0;
    event_base_loopbreak(question->base);
}

bool check_sql(const struct conf *conf)
{
    struct question question = {.base = event_base_new()};
    struct loop_pg *pg = loop_pg_new(question.base, conf->notifier_database_url,
                                     "perch-notifier check", &store_notifier_profile);
    loop_pg_start(pg, counts_begin, on_counts, &question);
    event_base_dispatch(question.base);
    loop_pg_free(pg);
    event_base_free(question.base);
    return tell(question.good, "PostgreSQL",
                question.good ? "every statement prepared"
                              : "see PERCH_NOTIFIER_DATABASE_URL and the line above");
}

static bool check_redis(const struct conf *conf)
{
    struct redis_address address;
    struct redis_value pong = {0};
    bool good = redis_address_parse(conf->redis_url, &address) == 0;
    if (good) {
        struct redis *redis = redis_new(&address);
        redis_add(redis, "PING", NULL);
        good = redis_exchange(redis, &pong, 1) == 0 && pong.type == REDIS_TEXT;
        redis_free(redis);
    }
    return tell(good, "Redis", conf->redis_url);
}

static void on_me(void *argument, const struct bot_reply *reply)
{
    struct question *question = argument;
    struct json_object *username = NULL;
    question->good = bot_error_classify(reply) == BOT_OK &&
                     json_object_is_type(reply->result, json_type_object) &&
                     json_object_object_get_ex(reply->result, "username", &username);
    snprintf(question->detail, sizeof question->detail, "%s%s", question->good ? "@" : "",
             question->good ? json_object_get_string(username) : reply->description);
    event_base_loopbreak(question->base);
}

static bool check_telegram(const struct conf *conf)
{
    struct question question = {.base = event_base_new(), .detail = "see the line above"};
    struct bot_api *api = NULL;
    if (notifier_api_new(question.base, conf, &api) == 0) {
        bot_api_call(api, "getMe", "{}", BOT_API_SEND_MS, on_me, &question);
        event_base_dispatch(question.base);
        bot_api_free(api);
    }
    event_base_free(question.base);
    return tell(question.good, "Telegram", question.detail);
}

bool check_all(const struct conf *conf)
{
    bool good = check_sql(conf);
    good &= check_redis(conf);
    good &= check_telegram(conf);
    return good;
}
