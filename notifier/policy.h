/* When somebody is told on Telegram, and how: pure functions over plain structs. Nothing here reads
 * a clock, blocks, allocates or fails. All times are milliseconds since 1970 by the notifier's own
 * clock, 0 where nothing happened yet.
 *
 * The unit of a decision is a recipient, who has one chat: the chat is what Telegram limits, what
 * is quiet at night and what a digest goes to. The unit of a window is a pair of recipient and
 * sender.
 *
 * What PostgreSQL keeps, so that a restart, or another notifier taking over, decides the same:
 *
 *   outbox, one row a message, gone once it was told or dropped
 *     message_id, sender_id, recipient_id, recipient_seq, created_at    as the send wrote them
 *     unanswered   requests with this row that got no HTTP answer (also: whose answer nobody noted)
 *     retry_at     not before; of no other row's concern, so a row that fails holds up no other
 *     failures     answers that refused it for now, in a row: how long the next wait is
 *     plain        Telegram found the text at fault: the short form now, and then a dead letter
 *     due_at       when a look is worth it again: an index to the recipients, never a reason to
 *                  send. POLICY_WAIT moves it for all rows of the recipient. Who changes what
 *                  somebody wants of notifications sets it back for one of them
 *   telegram_windows, one row for each (recipient_id, sender_id)       struct policy_window
 *     opened_at, step, edited_at, message_id (Telegram's)
 *     read_upto    the dialog's read mark when the window was opened: something was read since, if
 *                  dialogs.read_upto is greater now
 *     first_id     the first of our messages that Telegram's message tells of: it tells of what the
 *                  sender wrote from there on, and an edit adds to it
 *     Gone with the link, for Telegram's message ids are the chat's (a foreign key that cascades).
 *     May be cleaned away a day after opened_at: policy_window_open() forgets it then
 *   telegram_links, one row for each recipient
 *     sent_at      when the last request to the chat began; policy_pace()
 *     retry_at     429: nothing to this chat before
 *     muted_until  /mute
 *     revision     another one after each change of settings and mutes: a claim or a wait that was
 *                  decided before such a change does nothing
 *   telegram_bot, one row
 *     retry_at     429 for several chats: nothing to anybody before
 * Presence is Redis', and is not kept: unknown is a state of its own.
 *
 * The life of a request; no transaction is open while it is under way, and one chat has one at a
 * time (the caller asks about no other):
 *   1. Read what is kept, then presence; policy_decide(). Rows with POLICY_REMOVE are deleted.
 *   2. Claim, in one transaction: delete from the rows to take those that were read, deleted, muted
 *      or unlinked meanwhile (none left: nothing is sent); read names and texts as they are now;
 *      for the others unanswered + 1 and retry_at = now + POLICY_UNANSWERED_MS; the window: for a
 *      new message or a digest policy_window_open(), for an edit edited_at = now; sent_at = now.
 *   3. The bytes go out.
 *   4. The answer (bot_error.h), in one transaction. Told: the rows are deleted; message_id (of a
 *      new message; a digest has none, for it is never edited) is noted. A dead letter:
 *      the rows are deleted, the window is put back as it was before 2. To be tried again:
 *      unanswered - 1, failures + 1 and the rows' retry_at (BOT_WAIT: only the link's; shortened:
 *      none), the window put back. The message to edit is gone: so, too, with retry_at and
 *      message_id 0. No answer: nothing, for 2. has written it; a kill before 4. is just that. */
#ifndef PERCH_POLICY_H
#define PERCH_POLICY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    POLICY_GATHER_MS = 2000,     /* a burst gathers so long */
    POLICY_DELAY_MAX_S = 900,    /* longest wait for somebody whose devices are idle */
    POLICY_ACK_MS = 15000,       /* a device that is there acknowledges within */
    POLICY_UNKNOWN_MS = 60000,   /* rows are held so long when presence is unknown */
    POLICY_LOOK_MS = 5000,       /* presence that holds a row is looked at again after a tenth of */
    POLICY_LOOK_MAX_MS = 30000,  /* the time that the row has waited, within these limits */
    POLICY_EDIT_MS = 3000,       /* between two edits of a message */
    POLICY_STEPS = 4,            /* lengths of a window: 1, 5, 15, 60 minutes */
    POLICY_LATE_MS = 15 * 60000, /* what waited for so long past its due time is told in a digest */
    POLICY_UNANSWERED_MAX = 2,   /* requests of a row that may end without an answer */
    POLICY_UNANSWERED_MS = 60000,  /* before the repeat */
    POLICY_AGE_MS = 24 * 3600000,  /* nothing older is told; a window is forgotten */
    POLICY_CHAT_GAP_MS = 1050,     /* between two requests to a chat */
    POLICY_BOT_GAP_MS = 1000 / 25, /* between any two */
};

/* What the recipient wants. */
struct policy_settings {
    int delay_s;            /* users.notify_delay_s, taken as 0 to POLICY_DELAY_MAX_S */
    int64_t muted_until;    /* everything; INT64_MAX: for ever */
    int64_t quiet_until;    /* the end of the quiet hours that `now` lies in, else 0 */
    int64_t quiet_ended_at; /* the end of those before: at most `now`, 0 for none */
};

/* A lease (a tab, a stream). Redis' clock is another one: `expires_at` is now plus what is left. */
struct policy_device {
    bool active;
    int64_t acked_seq;
    int64_t expires_at;
};

/* `known` is false while Redis is away, or has known the leases for less than a minute: then leases
 * that are there count, and that there are none says nothing. unknown_since: when it was known
 * last, or when the program began. */
struct policy_presence {
    bool known;
    int64_t unknown_since;
    int device_count;
    const struct policy_device *devices;
};

/* After a new message about a sender no other one follows for a while; inside this window the
 * message is edited, without a sound. Something read, or the end of quiet hours, closes it. */
struct policy_window {
    int64_t opened_at;
    int step; /* 0 to POLICY_STEPS - 1: its length */
    int64_t edited_at;
    int64_t message_id; /* 0: nothing that could be edited; such a window lasts for a minute */
    bool read;          /* something of the dialog was read since it was opened */
};

struct policy_sender {
    int64_t muted_until; /* dialogs.muted_until; INT64_MAX: for ever */
    struct policy_window window;
};

struct policy_row {
    int sender; /* index in policy_pending.senders */
    int64_t seq;
    int64_t created_at;
    int64_t retry_at;
    int unanswered;
    bool read;
    bool deleted;
};

/* What waits for the recipient. A thousand rows are plenty: the time it takes grows with rows times
 * devices and with rows times senders. */
struct policy_pending {
    bool linked;      /* confirmed and not blocked */
    int64_t retry_at; /* the later one of the chat's and the bot's */
    int sender_count;
    const struct policy_sender *senders;
    int row_count;
    const struct policy_row *rows;
};

enum policy_action {
    POLICY_DROP,   /* nothing is left to be told */
    POLICY_WAIT,   /* look again at `at`, which is later than now, or when something changes */
    POLICY_SEND,   /* a new message about `sender` */
    POLICY_EDIT,   /* edit the window's message about `sender` */
    POLICY_DIGEST, /* one new message about all senders of the rows to take, two or more */
};

/* Of a row. Rows are removed whatever the action is. */
enum policy_fate { POLICY_KEEP, POLICY_TAKE, POLICY_REMOVE };

struct policy_decision {
    enum policy_action action;
    int sender;
    int64_t at;
};

/* What to do now. ret_fates has room for each row.
 *
 * A row is removed when the link is dead, the dialog or everything is muted, when it was read or
 * deleted, is a day old or was asked about twice without an answer. Else nothing is told
 *   - before retry_at and in quiet hours;
 *   - while a device is active. A device counts until its lease ends or it leaves a row
 *     unacknowledged for POLICY_ACK_MS; it is then not there for any row;
 *   - until delay_s after the row was written when all devices are idle, POLICY_UNKNOWN_MS after it
 *     (and after the beginning of not knowing) when presence is unknown, POLICY_GATHER_MS after it
 *     in any case.
 * The oldest row of a sender decides, and takes the others along. Who can be told about first goes
 * first. When what quiet hours held, or what is late because Telegram was away or the recipient
 * sat at another dialog, concerns several senders, they all go into one digest. */
struct policy_decision policy_decide(int64_t now, const struct policy_settings *settings,
                                     const struct policy_presence *presence,
                                     const struct policy_pending *pending,
                                     enum policy_fate *ret_fates);

/* The window that a new message opens, where `last` was the one before (all 0: none): longer than
 * that, unless something was read since. One whose message is not known to be there does not grow:
 * the new message repeats it. */
struct policy_window policy_window_open(const struct policy_window *last, int64_t now);

/* When the last requests began: to anybody, and to this chat. */
struct policy_pace {
    int64_t sent_at;
    int64_t chat_sent_at;
    int64_t retry_at; /* the latest that applies */
};

/* When the next request may begin: `now` or later. Requests of every kind count, edits too. */
int64_t policy_pace(int64_t now, const struct policy_pace *pace);

#endif
