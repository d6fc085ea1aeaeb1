/* The line in which every request stands that writes to a chat: sendMessage, editMessageText,
 * deleteMessage. (getUpdates, getMe, answerCallbackQuery and such do not count at Telegram and call
 * bot_api_call() themselves.)
 *
 * The pace gives turns: one every POLICY_BOT_GAP_MS; to one chat one at a time, and the next
 * POLICY_CHAT_GAP_MS after the last one's answer; none to a chat, or to nobody, while a 429 says so
 * (also after 429s for two chats within PACE_REFUSED_MS); none while the bot's token is bad. What
 * the bot answers goes before the news; where both wait, every second turn is the news', for
 * anybody may ask, without end. Within a class the first that may go, goes.
 *
 * What a request came to is told to whoever asked, and kept in PostgreSQL by them: the pace knows
 * only this shift's. It begins with a pause of POLICY_CHAT_GAP_MS, for nobody knows what the
 * notifier before did last.
 *
 *     struct pace_request *request = &mine->request;     zeroed, part of a struct of yours
 *     *request = (struct pace_request){.chat_id =, .class =, .turn =, .done =, .argument = mine};
 *     pace_ask(pace, request);
 *       -> turn(mine): claim the row in PostgreSQL; then, from the claim's done(),
 *            pace_send(request, METRICS_SAY, "sendMessage", body), or
 *            pace_leave(request) where there is nothing to send (any more)
 *       -> done(mine, answer): note it in PostgreSQL; when that is done,
 *            pace_leave(request): now the chat is free, and the request may ask anew */
#ifndef PERCH_PACE_H
#define PERCH_PACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "bot_error.h"
#include "metrics.h"

enum { PACE_REFUSED_MS = 2000 };

struct bot_call;
struct bot_reply;
struct notifier;
struct pace;
struct pace_chat;

/* In the order in which they go, taking turns. */
enum pace_class { PACE_ANSWERS, PACE_NEWS, PACE_CLASSES };

/* What a request came to; borrowed for the call. */
struct pace_answer {
    enum bot_verdict verdict;
    const struct bot_reply *reply;
    int64_t
        chat_retry_at; /* BOT_WAIT: nothing to this chat before; notifier_now()'s clock; else 0 */
    int64_t bot_retry_at; /* BOT_WAIT of the second chat: nothing to anybody before; else 0 */
};

/* It is your turn: until pace_leave() nobody else writes to the chat. From the loop, never from
 * within pace_ask(). */
typedef void pace_turn(void *argument);
/* The request has ended. The chat stays yours until pace_leave(), which comes when what the answer
 * means is kept; so whoever waits for the pace to be idle loses no answer. */
typedef void pace_done(void *argument, const struct pace_answer *answer);

struct pace_request {
    int64_t chat_id;
    enum pace_class class;
    pace_turn *turn;
    pace_done *done;
    void *argument;

    /* The pace's own. */
    struct pace *pace; /* NULL: neither in the line nor its turn */
    struct pace_chat *chat;
    struct bot_call *call;
    enum metrics_kind kind;
    bool has_turn;
    TAILQ_ENTRY(pace_request) in_line;
};

struct pace *pace_new(struct notifier *notifier);
/* All requests have left: their owners end before it. */
void pace_free(struct pace *pace);

/* Into the line. Not while it is in it, or has its turn. */
void pace_ask(struct pace *pace, struct pace_request *request);
/* Sends with these parameters (a JSON object, copied); done() follows, from the loop. Once in a
 * turn. */
void pace_send(struct pace_request *request, enum metrics_kind kind, const char *method,
               const char *body);
/* A 429 keeps it in the line for longer than `ms`. */
bool pace_rests(const struct pace_request *request, int64_t ms);

/* Out of the line, or the turn is over (used or not); fine when it is neither. A call that is under
 * way is cancelled, without done(): whether it was carried out stays unknown. */
void pace_leave(struct pace_request *request);

/* No turns from now on, and again. For notifier_token_bad(). */
void pace_stop(struct pace *pace);
void pace_go(struct pace *pace);

/* No turns ever again; idle() once, from the loop, when nobody has a turn any more. */
void pace_end(struct pace *pace, void (*idle)(void *argument), void *argument);

#endif
