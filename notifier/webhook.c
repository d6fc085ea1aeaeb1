#include "webhook.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "bot_api.h"
#include "common/buf.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/json_edge.h"
#include "common/log.h"
#include "common/loop_pg.h"
#include "common/memory.h"
#include "common/store_telegram.h"
#include "notifier.h"
#include "store_notifier.h"
#include "store_update.h"
#include "store_webhook.h"
#include "update.h"
#include "updates.h"

#define PATH    "/api/v1/telegram/webhook"
#define PURPOSE "perch webhook" /* another text makes another secret */

struct webhook {
    struct notifier *notifier;
    struct loop_pg *database;
    struct apply *apply;
    bool wanted; /* PERCH_TELEGRAM_WEBHOOK */
    /* Where getUpdates went on. What is before was applied, but Telegram hears of it by the next
     * getUpdates only, and would bring it again. 0: Telegram knows, or nobody ever polled. */
    int64_t offset;

    /* What Telegram is told. */
    char secret[BOT_API_SECRET_MAX];
    char hash[STORE_TELEGRAM_HASH_MAX];
    struct bot_call *call;
    struct event *tell_timer;
    int failures;

    /* The inbox. */
    bool noted; /* PostgreSQL knows the hash; before, nothing is looked at */
    bool busy;  /* it is worked off */
    bool woken; /* meanwhile */
    struct event *look_timer;
    struct json_object *updates[WEBHOOK_LIMIT]; /* from `next` on they wait */
    int count;
    int next;
};

static void look(struct webhook *webhook);
static void tell(struct webhook *webhook);

static void after(struct event *timer, int64_t ms)
{
    const struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(timer, &wait);
}

int webhook_check(const struct conf *conf)
{
    if (conf->telegram_webhook && conf->public_url == NULL) {
        log_error("PERCH_TELEGRAM_WEBHOOK=1 wants PERCH_PUBLIC_URL, where Telegram can reach "
                  "nginx");
        return ERR_CONFIG;
    }
    return 0;
}

static void add_url(struct buf *body, const char *public_url)
{
    struct buf url = {0};
    buf_adds(&url, public_url);
    while (url.length > 0 && url.data[url.length - 1] == '/')
        buf_cut(&url, url.length - 1);
    buf_adds(&url, PATH);
    buf_add_json(body, url.data);
    buf_release(&url);
}

/* Until Telegram has understood nothing comes; so it is told again, and again. */
static void tell_failed(struct webhook *webhook, const struct bot_reply *reply,
                        enum bot_verdict verdict)
{
    if (verdict == BOT_TOKEN_BAD)
        notifier_token_bad(webhook->notifier);
    log_warn("Telegram does not %s a webhook: %s", webhook->wanted ? "take" : "end",
             reply->description);
    int64_t wait = bot_error_delay_ms(verdict, reply, webhook->failures++, notifier_random());
    after(webhook->tell_timer, wait > 0 ? wait : WEBHOOK_RETRY_MS);
}

static void on_told(void *argument, const struct bot_reply *reply)
{
    struct webhook *webhook = argument;
    enum bot_verdict verdict = bot_error_classify(reply);
    webhook->call = NULL;
    if (verdict != BOT_OK) {
        tell_failed(webhook, reply, verdict);
        return;
    }
    webhook->failures = 0;
    if (webhook->wanted)
        log_info("Telegram sends updates to PERCH_PUBLIC_URL" PATH);
}

static void on_confirmed(void *argument, const struct bot_reply *reply)
{
    struct webhook *webhook = argument;
    enum bot_verdict verdict = bot_error_classify(reply);
    webhook->call = NULL;
    /* Where there is a webhook already, it was confirmed then. */
    if (verdict != BOT_OK && verdict != BOT_CONFLICT) {
        tell_failed(webhook, reply, verdict);
        return;
    }
    webhook->offset = 0;
    tell(webhook);
}

static void confirm(struct webhook *webhook)
{
    char body[64];
    snprintf(body, sizeof body, "{\"offset\":%" PRId64 ",\"limit\":1,\"timeout\":0}",
             webhook->offset);
    webhook->call = bot_api_call(webhook->notifier->api, "getUpdates", body, BOT_API_SEND_MS,
                                 on_confirmed, webhook);
}

static void tell(struct webhook *webhook)
{
    struct buf body = {0};
    if (webhook->wanted && webhook->offset > 0) {
        confirm(webhook);
        return;
    }
    if (webhook->wanted) {
        buf_adds(&body, "{\"url\":");
        add_url(&body, webhook->notifier->conf->public_url);
        buf_addf(&body, ",\"secret_token\":\"%s\",\"max_connections\":%d,\"allowed_updates\":%s}",
                 webhook->secret, WEBHOOK_CONNECTIONS, update_kinds);
    } else {
        buf_adds(&body, "{}");
    }
    webhook->call =
        bot_api_call(webhook->notifier->api, webhook->wanted ? "setWebhook" : "deleteWebhook",
                     body.data, BOT_API_SEND_MS, on_told, webhook);
    buf_release(&body);
}

/* PostgreSQL first: what Telegram sends is then recognised from the first one on. */
static int begin_note(struct pg *pg, void *argument)
{
    const struct webhook *webhook = argument;
    return store_webhook_set_start(pg, webhook->wanted ? webhook->hash : NULL);
}

static void take_note(void *argument, int err, const struct pg_result *result)
{
    struct webhook *webhook = argument;
    if (err != 0) {
        after(webhook->tell_timer, APPLY_RETRY_MS);
        return;
    }
    webhook->noted = true;
    webhook->offset = store_webhook_offset(result);
    tell(webhook);
    look(webhook);
}

static void on_tell(evutil_socket_t fd, short what, void *argument)
{
    struct webhook *webhook = argument;
    (void)fd;
    (void)what;
    if (webhook->noted)
        tell(webhook);
    else
        loop_pg_start(webhook->database, begin_note, take_note, webhook);
}

/* All of them are applied, or there were none. */
static void rest(struct webhook *webhook, bool more)
{
    webhook->busy = false;
    if (more || webhook->woken)
        look(webhook);
    else if (webhook->wanted)
        after(webhook->look_timer, WEBHOOK_LOOK_MS);
    else
        updates_go(webhook->notifier->updates);
}

static void apply_next(struct webhook *webhook);

static void on_applied(void *argument, bool astray)
{
    struct webhook *webhook = argument;
    (void)astray;
    apply_next(webhook);
}

static void updates_drop(struct webhook *webhook)
{
    for (int i = 0; i < webhook->count; i++)
        json_object_put(webhook->updates[i]);
    webhook->count = webhook->next = 0;
}

static void apply_next(struct webhook *webhook)
{
    bool more = webhook->count == WEBHOOK_LIMIT;
    while (webhook->next < webhook->count) {
        struct json_object *update = webhook->updates[webhook->next++];
        if (update != NULL &&
            apply_start(webhook->apply, update, APPLY_INBOX, on_applied, webhook) == 0)
            return;
        log_error("the inbox holds something that is no update");
    }
    updates_drop(webhook);
    rest(webhook, more);
}

static int begin_look(struct pg *pg, void *argument)
{
    (void)argument;
    return store_update_inbox_start(pg, WEBHOOK_LIMIT);
}

static void take_look(void *argument, int err, const struct pg_result *result)
{
    struct webhook *webhook = argument;
    if (err != 0) {
        after(webhook->look_timer, WEBHOOK_LOOK_MS);
        return;
    }
    for (int row = 0; row < result->rows && row < WEBHOOK_LIMIT; row++) {
        struct store_update_inbox inbox;
        store_update_inbox(result, row, &inbox);
        /* What does not parse is NULL, and none of an update's shape. */
        if (json_edge_parse(inbox.body, strlen(inbox.body), BOT_REPLY_DEPTH_MAX,
                            &webhook->updates[webhook->count]) != 0)
            webhook->updates[webhook->count] = NULL;
        webhook->count++;
    }
    apply_next(webhook);
}

static void look(struct webhook *webhook)
{
    webhook->busy = true;
    webhook->woken = false;
    event_del(webhook->look_timer);
    loop_pg_start(webhook->database, begin_look, take_look, webhook);
}

static void on_look(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    look(argument);
}

void webhook_wake(struct webhook *webhook)
{
    if (webhook->busy)
        webhook->woken = true;
    else if (webhook->noted)
        look(webhook);
}

struct webhook *webhook_new(struct notifier *notifier)
{
    struct webhook *webhook = memory_new(sizeof *webhook);
    webhook->notifier = notifier;
    webhook->wanted = notifier->conf->telegram_webhook != 0;
    bot_api_secret(notifier->api, PURPOSE, webhook->secret);
    store_telegram_hash(webhook->secret, webhook->hash);
    webhook->database = loop_pg_new(notifier->base, notifier->conf->notifier_database_url,
                                    "perch-notifier webhook", &store_notifier_profile);
    webhook->apply = apply_new(notifier);
    webhook->tell_timer = evtimer_new(notifier->base, on_tell, webhook);
    webhook->look_timer = evtimer_new(notifier->base, on_look, webhook);
    loop_pg_start(webhook->database, begin_note, take_note, webhook);
    return webhook;
}

void webhook_free(struct webhook *webhook)
{
    if (webhook == NULL)
        return;
    if (webhook->call != NULL)
        bot_call_cancel(webhook->call);
    apply_free(webhook->apply);
    loop_pg_free(webhook->database);
    updates_drop(webhook);
    event_free(webhook->tell_timer);
    event_free(webhook->look_timer);
    free(webhook);
}
