#include "says.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "bot_api.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/log.h"
#include "common/memory.h"
#include "notifier.h"
#include "pace.h"
#include "pg_line.h"
#include "say.h"
#include "store_notifier.h"
#include "store_notify.h"
#include "store_update.h"
#include "wakes.h"

/* What is to be noted of an answer. */
enum says_note { SAYS_DROP, SAYS_RETRY, SAYS_BLOCK };

/* A row under way: its turn (messages only), the claim, the request, the note of the answer. */
struct says_item {
    struct says *says;
    int64_t id;
    int64_t chat_id;
    int failures;
    enum say_method method;
    struct buf body;
    struct pace_request request; /* of what Telegram counts; answers to taps go at once */
    struct bot_call *call;       /* of an answer to a tap */
    struct pg_task task;
    struct event *again; /* to note it */
    enum says_note note;
    int64_t retry_at; /* SAYS_RETRY */
    bool waits;
    int64_t bot_retry_at;
    LIST_ENTRY(says_item) in_list;
};

struct says {
    struct notifier *notifier;
    struct pg_line *line;
    struct pg_task look;
    struct event *timer; /* of the next look */
    bool looking;
    bool woken;         /* while it was looking */
    struct arena arena; /* one look's */
    struct store_ids busy;
    int count;
    LIST_HEAD(, says_item) items;
};

static void look(struct says *says);

/* At this time, or soon: rows appear without a word, too. */
static void look_at(struct says *says, int64_t at)
{
    int64_t delay = at - notifier_now();
    if (delay > SAYS_LOOK_MS)
        delay = SAYS_LOOK_MS;
    if (delay < 1)
        delay = 1;
    const struct timeval wait = {.tv_sec = delay / 1000, .tv_usec = delay % 1000 * 1000};
    evtimer_add(says->timer, &wait);
}

static void item_free(struct says_item *item)
{
    pace_leave(&item->request);
    if (item->call != NULL)
        bot_call_cancel(item->call);
    event_free(item->again);
    buf_release(&item->body);
    LIST_REMOVE(item, in_list);
    item->says->count--;
    free(item);
}

/* The chat's next row may be due. */
static void item_end(struct says_item *item)
{
    struct says *says = item->says;
    item_free(item);
    look(says);
}

static int begin_note(struct pg *pg, void *argument)
{
    const struct says_item *item = argument;
    switch (item->note) {
    case SAYS_RETRY:
        return store_say_retry_start(pg, item->id, item->retry_at, item->waits, item->bot_retry_at);
    case SAYS_BLOCK:
        return store_notify_block_start(pg, item->chat_id, notifier_now());
    case SAYS_DROP:
        break;
    }
    return store_say_drop_start(pg, item->id);
}

static void on_noted(void *argument, int err, const struct pg_result *result)
{
    struct says_item *item = argument;
    const struct timeval wait = {.tv_sec = SAYS_NOTE_MS / 1000};
    if (err == ERR_UNAVAILABLE) {
        evtimer_add(item->again, &wait);
        return;
    }
    if (err == 0 && item->note == SAYS_BLOCK)
        wakes_publish(item->says->notifier->wakes, result);
    item_end(item);
}

static void note(evutil_socket_t fd, short what, void *argument)
{
    struct says_item *item = argument;
    (void)fd;
    (void)what;
    item->task = (struct pg_task){.begin = begin_note, .done = on_noted, .argument = item};
    pg_line_add(item->says->line, &item->task);
}

/* What Telegram made of it; a message that is there no more need not be changed. The last two are 0
 * where they do not apply. */
static void item_judge(struct says_item *item, enum bot_verdict verdict,
                       const struct bot_reply *reply, int64_t chat_retry_at, int64_t bot_retry_at)
{
    int64_t delay = bot_error_delay_ms(verdict, reply, item->failures, notifier_random());
    if (verdict == BOT_UNKNOWN) { /* the claim has noted what there is to note */
        item_end(item);
        return;
    }
    if (verdict == BOT_LINK_DEAD) {
        item->note = SAYS_BLOCK;
    } else if (delay > 0) {
        item->note = SAYS_RETRY;
        item->retry_at = chat_retry_at != 0 ? chat_retry_at : notifier_now() + delay;
        item->waits = chat_retry_at != 0;
        item->bot_retry_at = bot_retry_at;
    } else {
        if (verdict != BOT_OK && item->method == SAY_MESSAGE)
            log_error("Telegram does not take what the bot has to say (row %" PRId64 "): %s",
                      item->id, reply->description);
        item->note = SAYS_DROP;
    }
    note(-1, 0, item);
}

static void on_sent(void *argument, const struct pace_answer *answer)
{
    item_judge(argument, answer->verdict, answer->reply, answer->chat_retry_at,
               answer->bot_retry_at);
}

static void on_tap_answered(void *argument, const struct bot_reply *reply)
{
    struct says_item *item = argument;
    struct notifier *notifier = item->says->notifier;
    enum bot_verdict verdict = bot_error_classify(reply);
    item->call = NULL;
    metrics_count(&notifier->metrics, METRICS_SAY, verdict);
    if (verdict == BOT_TOKEN_BAD)
        notifier_token_bad(notifier);
    item_judge(item, verdict, reply, 0, 0);
}

static int begin_claim(struct pg *pg, void *argument)
{
    const struct says_item *item = argument;
    return store_say_claim_start(pg, item->id, notifier_now());
}

static void on_claimed(void *argument, int err, const struct pg_result *result)
{
    struct says_item *item = argument;
    struct says *says = item->says;
    static const enum metrics_kind kinds[] = {
        [SAY_MESSAGE] = METRICS_SAY, [SAY_EDIT] = METRICS_EDIT, [SAY_DELETE] = METRICS_DELETE};
    const char *method = say_method_name(item->method);
    if (err != 0) {
        item_free(item); /* a later look finds it again */
        look_at(says, INT64_MAX);
        return;
    }
    if (!store_say_claimed(result)) {
        item_end(item);
        return;
    }
    if (item->method == SAY_TAP)
        item->call = bot_api_call(says->notifier->api, method, item->body.data, BOT_API_SEND_MS,
                                  on_tap_answered, item);
    else
        pace_send(&item->request, kinds[item->method], method, item->body.data);
}

static void claim(void *argument)
{
    struct says_item *item = argument;
    item->task = (struct pg_task){.begin = begin_claim, .done = on_claimed, .argument = item};
    pg_line_add(item->says->line, &item->task);
}

static void item_begin(struct says *says, const struct store_say *row)
{
    const struct conf *conf = says->notifier->conf;
    const struct say say = {.chat_id = row->chat_id,
                            .kind = row->kind,
                            .arguments = row->arguments,
                            .locale = row->locale,
                            .tap_id = row->callback_id,
                            .reply_to = row->reply_to,
                            .ceiling = compose_preview(conf->telegram_preview_max)};
    struct says_item *item = memory_new(sizeof *item);
    item->says = says;
    item->id = row->id;
    item->chat_id = row->chat_id;
    item->failures = row->failures;
    item->again = evtimer_new(says->notifier->base, note, item);
    LIST_INSERT_HEAD(&says->items, item, in_list);
    says->count++;
    if (say_write(&item->body, &say, &item->method) != 0) {
        log_error("the bot has no words for \"%s\"", row->kind);
        item->note = SAYS_DROP;
        note(-1, 0, item);
        return;
    }
    if (item->method == SAY_TAP) {
        claim(item);
        return;
    }
    item->request = (struct pace_request){.chat_id = row->chat_id,
                                          .class = PACE_ANSWERS,
                                          .turn = claim,
                                          .done = on_sent,
                                          .argument = item};
    pace_ask(says->notifier->pace, &item->request);
}

static int begin_look(struct pg *pg, void *argument)
{
    struct says *says = argument;
    struct store_ids *busy = &says->busy;
    const struct says_item *item;
    arena_reset(&says->arena);
    busy->count = 0;
    busy->ids = arena_alloc(&says->arena, (size_t)says->count * sizeof *busy->ids);
    LIST_FOREACH (item, &says->items, in_list)
        busy->ids[busy->count++] = item->chat_id;
    return store_say_next_start(pg, &says->arena, notifier_now(), busy, SAYS_AT_ONCE - says->count);
}

static void on_looked(void *argument, int err, const struct pg_result *result)
{
    struct says *says = argument;
    struct store_say_list list = {.next_at = INT64_MAX};
    bool woken = says->woken;
    says->looking = says->woken = false;
    if (err == 0)
        store_say_next(&says->arena, result, &list);
    for (int i = 0; i < list.count; i++)
        item_begin(says, &list.says[i]);
    if (woken)
        look(says);
    else
        look_at(says, list.next_at);
}

/* Of those that a rest keeps in the line nothing is claimed: a look finds them again, after it. */
static void make_room(struct says *says)
{
    struct says_item *next;
    for (struct says_item *item = LIST_FIRST(&says->items); item != NULL; item = next) {
        next = LIST_NEXT(item, in_list);
        if (pace_rests(&item->request, SAYS_LOOK_MS))
            item_free(item);
    }
}

/* At once; after the look that is under way; or when there is room again. */
static void look(struct says *says)
{
    if (says->looking) {
        says->woken = true;
        return;
    }
    if (says->count >= SAYS_AT_ONCE)
        make_room(says);
    if (says->count >= SAYS_AT_ONCE) {
        look_at(says, INT64_MAX);
        return;
    }
    says->looking = true;
    evtimer_del(says->timer);
    pg_line_add(says->line, &says->look);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    look(argument);
}

void says_wake(struct says *says)
{
    look(says);
}

struct says *says_new(struct notifier *notifier)
{
    struct says *says = memory_new(sizeof *says);
    says->notifier = notifier;
    says->line = pg_line_new(notifier->base, notifier->conf->notifier_database_url,
                             "perch-notifier says", &store_notifier_profile);
    says->look = (struct pg_task){.begin = begin_look, .done = on_looked, .argument = says};
    says->timer = evtimer_new(notifier->base, on_timer, says);
    arena_init(&says->arena);
    LIST_INIT(&says->items);
    look(says);
    return says;
}

void says_free(struct says *says)
{
    if (says == NULL)
        return;
    pg_line_free(says->line);
    for (struct says_item *item; (item = LIST_FIRST(&says->items)) != NULL;)
        item_free(item);
    event_free(says->timer);
    arena_release(&says->arena);
    free(says);
}
