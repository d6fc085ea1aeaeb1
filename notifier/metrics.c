#include "metrics.h"

#include <inttypes.h>

#define PREFIX "perch_notifier_"

static const char *const kinds[METRICS_KINDS] = {
    [METRICS_MESSAGE] = "message", [METRICS_EDIT] = "edit",     [METRICS_DIGEST] = "digest",
    [METRICS_SAY] = "say",         [METRICS_DELETE] = "delete",
};

/* The words of perch-notifier(8), and of whoever watches: they stay as they are. */
static const char *const classes[METRICS_VERDICTS] = {
    [BOT_WAIT] = "wait",       [BOT_TOKEN_BAD] = "token_bad", [BOT_LINK_DEAD] = "link_dead",
    [BOT_SHORTEN] = "shorten", [BOT_DEAD_LETTER] = "refused", [BOT_CONFLICT] = "conflict",
    [BOT_RETRY] = "retry",     [BOT_UNKNOWN] = "unknown",
};

static void add_head(struct buf *buf, const char *name, const char *type, const char *help)
{
    buf_addf(buf, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void add_gauge(struct buf *buf, const char *name, const char *help, int64_t value)
{
    add_head(buf, name, "gauge", help);
    buf_addf(buf, PREFIX "%s %" PRId64 "\n", name, value);
}

static void add_seconds(struct buf *buf, const char *name, const char *help, int64_t ms)
{
    add_head(buf, name, "gauge", help);
    buf_addf(buf, PREFIX "%s %" PRId64 ".%03" PRId64 "\n", name, ms / 1000, ms % 1000);
}

/* One line for each value that has a word. */
static void add_counters(struct buf *buf, const char *name, const char *help, const char *label,
                         int count, const char *const *words, const uint64_t *values)
{
    add_head(buf, name, "counter", help);
    for (int i = 0; i < count; i++)
        if (words[i] != NULL)
            buf_addf(buf, PREFIX "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, words[i], values[i]);
}

static void add_waiting(struct buf *buf, const struct metrics_waiting *waiting)
{
    add_gauge(buf, "queue_length", "Messages that somebody may have to be told of.",
              waiting->queue);
    add_seconds(buf, "queue_oldest_seconds", "Age of the oldest of them.",
                waiting->queue_oldest_ms);
    add_gauge(buf, "says_waiting", "What the bot has to say besides, such as answers to commands.",
              waiting->says);
    add_seconds(buf, "says_oldest_seconds", "Age of the oldest of that.", waiting->says_oldest_ms);
    add_gauge(buf, "updates_waiting", "Updates that came by webhook and are not applied yet.",
              waiting->updates);
    add_gauge(buf, "dead_letters", "Notifications that were given up: perch-notifier dead-letters.",
              waiting->dead);
}

void metrics_write(struct buf *buf, const struct metrics *metrics,
                   const struct metrics_waiting *waiting)
{
    add_gauge(buf, "leader", "1: this one works; 0: it stands by.", metrics->leader);
    add_gauge(buf, "ready", "1: it works, and Telegram has said who the bot is.", metrics->ready);
    add_gauge(buf, "token_bad", "1: Telegram does not know the token, and nothing is sent.",
              metrics->token_bad);
    add_gauge(buf, "database_up", "1: PostgreSQL answered just now.", waiting->known);
    if (waiting->known)
        add_waiting(buf, waiting);
    add_counters(buf, "sent_total", "Requests that Telegram carried out.", "kind", METRICS_KINDS,
                 kinds, metrics->sent);
    add_counters(buf, "failed_total", "Requests that it did not, or nobody knows.", "class",
                 METRICS_VERDICTS, classes, metrics->failed);
    add_head(buf, "updates_total", "counter", "Updates from Telegram that were applied.");
    buf_addf(buf, PREFIX "updates_total %" PRIu64 "\n", metrics->updates);
}
