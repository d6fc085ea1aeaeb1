#include "identity.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "bot_api.h"
#include "bot_error.h"
#include "common/conf.h"
#include "common/log.h"
#include "common/loop_pg.h"
#include "common/memory.h"
#include "store_notifier.h"

struct identity {
    struct notifier *notifier;
    identity_done *done;
    void *argument;
    struct bot_call *call;
    struct loop_pg *pg;
    struct notifier_bot bot;
    bool asking; /* from the question, or the wait before it, until done() */
    int failures;
    struct event event; /* the next question */
};

static void ask_in(struct identity *identity, int64_t ms)
{
    const struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    identity->asking = true;
    event_add(&identity->event, &delay);
}

static int note_begin(struct pg *pg, void *argument)
{
    struct identity *identity = argument;
    return store_notifier_bot_start(pg, identity->bot.id, identity->bot.username);
}

static void on_noted(void *argument, int err, const struct pg_result *result)
{
    struct identity *identity = argument;
    if (err != 0) {
        ask_in(identity, 1000);
        return;
    }
    identity->bot.update_offset = store_notifier_bot_offset(result);
    identity->asking = false;
    identity->failures = 0;
    identity->notifier->metrics.token_bad = false;
    log_info("the bot is @%s", identity->bot.username);
    identity->done(identity->argument, &identity->bot);
}

/* {"id": …, "username": …}; a bot always has one. */
static bool bot_read(const struct bot_reply *reply, struct notifier_bot *bot)
{
    struct json_object *id = NULL;
    struct json_object *username = NULL;
    if (!json_object_is_type(reply->result, json_type_object) ||
        !json_object_object_get_ex(reply->result, "id", &id) ||
        !json_object_object_get_ex(reply->result, "username", &username) ||
        json_object_get_int64(id) <= 0 || !json_object_is_type(username, json_type_string) ||
        json_object_get_string_len(username) > NOTIFIER_USERNAME_MAX)
        return false;
    bot->id = json_object_get_int64(id);
    snprintf(bot->username, sizeof bot->username, "%s", json_object_get_string(username));
    return true;
}

static void on_me(void *argument, const struct bot_reply *reply)
{
    struct identity *identity = argument;
    enum bot_verdict verdict = bot_error_classify(reply);
    identity->call = NULL;
    if (verdict == BOT_OK && bot_read(reply, &identity->bot)) {
        loop_pg_start(identity->pg, note_begin, on_noted, identity);
        return;
    }
    int64_t delay = bot_error_delay_ms(verdict, reply, identity->failures++, notifier_random());
    if (verdict == BOT_TOKEN_BAD) {
        identity->notifier->metrics.token_bad = true;
        log_error("Telegram does not know the token in PERCH_TELEGRAM_TOKEN_FILE; nothing is sent");
    } else {
        log_warn("Telegram does not say who the bot is: %s",
                 verdict == BOT_OK ? "its answer makes no sense" : reply->description);
    }
    if (delay <= 0 || (delay > NOTIFIER_PROBE_MS && verdict != BOT_WAIT))
        delay = NOTIFIER_PROBE_MS;
    ask_in(identity, delay);
}

static void on_time(evutil_socket_t fd, short what, void *argument)
{
    struct identity *identity = argument;
    (void)fd;
    (void)what;
    identity->call =
        bot_api_call(identity->notifier->api, "getMe", "{}", BOT_API_SEND_MS, on_me, identity);
}

void identity_doubt(struct identity *identity)
{
    if (identity->asking)
        return;
    identity->notifier->metrics.token_bad = true;
    log_error("Telegram no longer knows the token in PERCH_TELEGRAM_TOKEN_FILE; nothing is sent");
    ask_in(identity, NOTIFIER_PROBE_MS);
}

struct identity *identity_new(struct notifier *notifier, identity_done *done, void *argument)
{
    struct identity *identity = memory_new(sizeof *identity);
    identity->notifier = notifier;
    identity->done = done;
    identity->argument = argument;
    identity->pg = loop_pg_new(notifier->base, notifier->conf->notifier_database_url,
                               "perch-notifier identity", &store_notifier_profile);
    event_assign(&identity->event, notifier->base, -1, 0, on_time, identity);
    ask_in(identity, 0);
    return identity;
}

void identity_free(struct identity *identity)
{
    if (identity == NULL)
        return;
    if (identity->call != NULL)
        bot_call_cancel(identity->call);
    event_del(&identity->event);
    loop_pg_free(identity->pg);
    free(identity);
}
