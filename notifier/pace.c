#include "pace.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

#include "bot_api.h"
#include "common/log.h"
#include "common/memory.h"
#include "notifier.h"
#include "policy.h"

/* uthash's usual hash falls through the cases of a switch, which clang's warning will not have. */
#define HASH_FUNCTION(key, length, hash) HASH_OAT(key, length, hash)
#include <uthash.h>

enum {
    NAP_MAX_MS = 1000, /* the clock that is waited for may be set */
    CHATS_MAX = 4096,  /* more are looked through for those that need not be known any more */
};

struct pace_chat {
    int64_t id;
    int64_t sent_at; /* when the last request ended */
    int64_t retry_at;
    int requests; /* in the line or with their turn: they point here */
    bool taken;   /* one has its turn */
    UT_hash_handle hh;
};

TAILQ_HEAD(line, pace_request);

struct pace {
    struct notifier *notifier;
    struct line lines[PACE_CLASSES];
    struct line turns;
    struct pace_chat *chats; /* uthash */
    int64_t began_at;
    int64_t turn_at; /* when the last turn was given */
    int64_t retry_at;
    int64_t refused_at; /* the last 429, and whose */
    int64_t refused_chat;
    bool news_next; /* an answer was preferred to them */
    bool stopped;
    bool failing;
    void (*idle)(void *argument); /* not NULL: no turns ever again */
    void *idle_argument;
    struct event event; /* the next turn, maybe */
};

static void wake_in(struct pace *pace, int64_t ms)
{
    const struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(&pace->event, &delay);
}

static int64_t chat_retry_at(const struct pace *pace, const struct pace_chat *chat)
{
    return chat->retry_at > pace->retry_at ? chat->retry_at : pace->retry_at;
}

static int64_t chat_turn_at(const struct pace *pace, const struct pace_chat *chat, int64_t now)
{
    const struct policy_pace times = {
        .sent_at = pace->turn_at,
        .chat_sent_at = chat->sent_at,
        .retry_at = chat_retry_at(pace, chat),
    };
    return policy_pace(now, &times);
}

/* Forgets those that would be found the same if they came anew. */
static void chats_sweep(struct pace *pace)
{
    int64_t now = notifier_now();
    struct pace_chat *chat;
    struct pace_chat *next;
    HASH_ITER (hh, pace->chats, chat, next) {
        if (chat->requests > 0 || chat->retry_at > now ||
            llabs(now - chat->sent_at) <= POLICY_CHAT_GAP_MS)
            continue;
        HASH_DEL(pace->chats, chat);
        free(chat);
    }
}

static struct pace_chat *chat_find(struct pace *pace, int64_t id)
{
    struct pace_chat *chat;
    HASH_FIND(hh, pace->chats, &id, sizeof id, chat);
    if (chat != NULL)
        return chat;
    if (HASH_COUNT(pace->chats) >= CHATS_MAX)
        chats_sweep(pace);
    chat = memory_new(sizeof *chat);
    chat->id = id;
    chat->sent_at = pace->began_at;
    HASH_ADD(hh, pace->chats, id, sizeof chat->id, chat);
    return chat;
}

/* The first of the class that may go now; else NULL, and when to look again, where that is earlier
 * than *at (a chat that is taken wakes us itself). */
static struct pace_request *first_of(const struct pace *pace, enum pace_class class, int64_t now,
                                     int64_t *at)
{
    struct pace_request *request;
    TAILQ_FOREACH (request, &pace->lines[class], in_line) {
        int64_t turn_at;
        if (request->chat->taken)
            continue;
        turn_at = chat_turn_at(pace, request->chat, now);
        if (turn_at <= now)
            return request;
        if (turn_at < *at)
            *at = turn_at;
    }
    return NULL;
}

/* Whose turn it is now; else NULL, and when to look again. News that an answer was preferred to
 * have the next turn: strangers who ask without end hold up nobody's for good. */
static struct pace_request *choose(struct pace *pace, int64_t now, int64_t *ret_at)
{
    *ret_at = INT64_MAX;
    struct pace_request *answer = first_of(pace, PACE_ANSWERS, now, ret_at);
    struct pace_request *news = first_of(pace, PACE_NEWS, now, ret_at);
    if (answer == NULL && news == NULL)
        return NULL;
    bool answers = answer != NULL && (news == NULL || !pace->news_next);
    pace->news_next = answers && news != NULL;
    return answers ? answer : news;
}

static void give_turn(struct pace *pace, struct pace_request *request, int64_t now)
{
    TAILQ_REMOVE(&pace->lines[request->class], request, in_line);
    TAILQ_INSERT_TAIL(&pace->turns, request, in_line);
    request->has_turn = true;
    request->chat->taken = true;
    /* A turn that came late by less than another one does not delay those behind it. */
    pace->turn_at = now - pace->turn_at < 2 * POLICY_BOT_GAP_MS && now > pace->turn_at
                        ? pace->turn_at + POLICY_BOT_GAP_MS
                        : now;
    request->turn(request->argument);
}

static void on_time(evutil_socket_t fd, short what, void *argument)
{
    struct pace *pace = argument;
    int64_t now = notifier_now();
    int64_t at;
    (void)fd;
    (void)what;
    if (pace->idle != NULL) {
        if (TAILQ_EMPTY(&pace->turns))
            pace->idle(pace->idle_argument);
        return;
    }
    if (pace->stopped)
        return;
    struct pace_request *request = choose(pace, now, &at);
    if (request != NULL) {
        wake_in(pace, 0);
        give_turn(pace, request, now);
    } else if (at != INT64_MAX) {
        wake_in(pace, at - now < NAP_MAX_MS ? at - now : NAP_MAX_MS);
    }
}

/* 429s for two chats in a short time mean everybody. */
static void note_wait(struct pace *pace, struct pace_request *request, struct pace_answer *answer)
{
    int64_t now = notifier_now();
    int64_t until = now + bot_error_delay_ms(BOT_WAIT, answer->reply, 0, notifier_random());
    bool both = pace->refused_at != 0 && pace->refused_chat != request->chat_id &&
                llabs(now - pace->refused_at) <= PACE_REFUSED_MS;
    answer->chat_retry_at = request->chat->retry_at = until;
    if (both)
        answer->bot_retry_at = pace->retry_at = until;
    pace->refused_at = now;
    pace->refused_chat = request->chat_id;
    log_warn("Telegram wants %d s of rest%s", answer->reply->retry_after_s,
             both ? " from the bot" : " from one chat");
}

/* One line when Telegram stops carrying out what it is asked, and one when it is back. */
static void note_health(struct pace *pace, const struct pace_answer *answer)
{
    bool fails = answer->verdict == BOT_RETRY || answer->verdict == BOT_UNKNOWN;
    if (fails && !pace->failing)
        log_warn("Telegram: %s; trying again", answer->reply->description);
    if (!fails && pace->failing)
        log_info("Telegram answers");
    pace->failing = fails;
}

static void on_reply(void *argument, const struct bot_reply *reply)
{
    struct pace_request *request = argument;
    struct pace *pace = request->pace;
    struct pace_answer answer = {.verdict = bot_error_classify(reply), .reply = reply};
    request->call = NULL;
    request->chat->sent_at = notifier_now();
    metrics_count(&pace->notifier->metrics, request->kind, answer.verdict);
    note_health(pace, &answer);
    if (answer.verdict == BOT_WAIT)
        note_wait(pace, request, &answer);
    else if (answer.verdict == BOT_TOKEN_BAD)
        notifier_token_bad(pace->notifier);
    request->done(request->argument, &answer);
}

void pace_ask(struct pace *pace, struct pace_request *request)
{
    if (request->pace != NULL)
        abort();
    request->pace = pace;
    request->has_turn = false;
    request->chat = chat_find(pace, request->chat_id);
    request->chat->requests++;
    TAILQ_INSERT_TAIL(&pace->lines[request->class], request, in_line);
    wake_in(pace, 0);
}

void pace_send(struct pace_request *request, enum metrics_kind kind, const char *method,
               const char *body)
{
    if (!request->has_turn || request->call != NULL)
        abort();
    request->kind = kind;
    request->call = bot_api_call(request->pace->notifier->api, method, body, BOT_API_SEND_MS,
                                 on_reply, request);
}

bool pace_rests(const struct pace_request *request, int64_t ms)
{
    return request->pace != NULL && !request->has_turn &&
           chat_retry_at(request->pace, request->chat) > notifier_now() + ms;
}

void pace_leave(struct pace_request *request)
{
    struct pace *pace = request->pace;
    if (pace == NULL)
        return;
    if (request->call != NULL) {
        bot_call_cancel(request->call);
        request->call = NULL;
        request->chat->sent_at = notifier_now();
    }
    if (request->has_turn) {
        TAILQ_REMOVE(&pace->turns, request, in_line);
        request->chat->taken = false;
    } else {
        TAILQ_REMOVE(&pace->lines[request->class], request, in_line);
    }
    request->chat->requests--;
    request->chat = NULL;
    request->has_turn = false;
    request->pace = NULL;
    wake_in(pace, 0);
}

void pace_stop(struct pace *pace)
{
    pace->stopped = true;
}

void pace_go(struct pace *pace)
{
    pace->stopped = false;
    wake_in(pace, 0);
}

void pace_end(struct pace *pace, void (*idle)(void *argument), void *argument)
{
    pace->idle = idle;
    pace->idle_argument = argument;
    wake_in(pace, 0);
}

struct pace *pace_new(struct notifier *notifier)
{
    struct pace *pace = memory_new(sizeof *pace);
    pace->notifier = notifier;
    pace->began_at = notifier_now();
    for (int class = 0; class < PACE_CLASSES; class ++)
        TAILQ_INIT(&pace->lines[class]);
    TAILQ_INIT(&pace->turns);
    event_assign(&pace->event, notifier->base, -1, 0, on_time, pace);
    return pace;
}

void pace_free(struct pace *pace)
{
    struct pace_chat *chat;
    struct pace_chat *next;
    if (pace == NULL)
        return;
    HASH_ITER (hh, pace->chats, chat, next) {
        HASH_DEL(pace->chats, chat);
        free(chat);
    }
    event_del(&pace->event);
    free(pace);
}
