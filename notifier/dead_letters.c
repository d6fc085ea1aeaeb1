#include "dead_letters.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/loop_pg.h"
#include "sanitize.h"
#include "store_notifier.h"

enum { PAGE = 500, TIME_MAX = 32 };

/* What is looked for in a reason, whatever its case; the first row that fits. */
static const struct {
    const char *part;
    const char *meaning;
} explanations[] = {
    {"too long", "Telegram found the text too long, also when it was cut short. That is a mistake "
                 "of Perch: please report it."},
    {"parse", "Telegram could not read the text, also when it was plain. That is a mistake of "
              "Perch: please report it."},
    {"button", "Telegram does not take the button that opens the page. Look at PERCH_PUBLIC_URL, "
               "then redrive."},
    {"url", "Telegram does not take the address of the page. Look at PERCH_PUBLIC_URL, then "
            "redrive."},
    {"", "Telegram would refuse it every time, so it was not asked again. Once the cause is "
         "mended, redrive."},
};

enum { EXPLANATIONS = sizeof explanations / sizeof explanations[0] };

static int explanation_find(const char *reason)
{
    int found = 0;
    while (strcasestr(reason, explanations[found].part) == NULL)
        found++;
    return found;
}

const char *dead_letters_explain(const char *reason)
{
    return explanations[explanation_find(reason)].meaning;
}

/* A connection, and what the statement under way is about. */
struct desk {
    struct event_base *base;
    struct loop_pg *database;
    int err;
    int64_t id; /* list: only ids below it; redrive: the one, 0 for all */
    int page_rows;
    int64_t listed;
    bool meant[EXPLANATIONS]; /* listed something that means this */
    int64_t queued;
    int64_t removed;
};

static void desk_open(struct desk *desk, const struct conf *conf)
{
    *desk = (struct desk){.base = event_base_new()};
    desk->database = loop_pg_new(desk->base, conf->notifier_database_url,
                                 "perch-notifier dead-letters", &store_notifier_profile);
}

static void desk_close(struct desk *desk)
{
    loop_pg_free(desk->database);
    event_base_free(desk->base);
}

/* Runs one statement to its end. */
static int ask(struct desk *desk, loop_pg_begin *begin, loop_pg_done *done)
{
    loop_pg_start(desk->database, begin, done, desk);
    event_base_dispatch(desk->base); /* until done() ends it */
    return desk->err;
}

static void time_format(int64_t ms, char ret_text[TIME_MAX])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(ret_text, TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* On one line, and nothing in it steers a terminal. */
static void print_text(const char *text)
{
    struct buf line = {0};
    fputs(sanitize_line(&line, text) ? line.data : "-", stdout);
    buf_release(&line);
}

static void print_person(const char *before, const char *name, int64_t id)
{
    fputs(before, stdout);
    print_text(name != NULL ? name : "a deleted account");
    printf(" (user %" PRId64 ")", id);
}

static void print_dead(const struct store_notifier_dead *dead)
{
    char sent[TIME_MAX];
    char died[TIME_MAX];
    time_format(dead->created_at, sent);
    time_format(dead->died_at, died);
    printf("%" PRId64 "  ", dead->id);
    print_text(dead->reason);
    printf("\n    given up %s; message %" PRId64 " of %s", died, dead->message_id, sent);
    print_person(" from ", dead->sender, dead->sender_id);
    print_person(" to ", dead->recipient, dead->recipient_id);
    putchar('\n');
}

static int begin_list(struct pg *pg, void *argument)
{
    const struct desk *desk = argument;
    return store_notifier_dead_start(pg, desk->id, PAGE);
}

static void take_list(void *argument, int err, const struct pg_result *result)
{
    struct desk *desk = argument;
    desk->err = err;
    desk->page_rows = result->rows;
    for (int row = 0; row < result->rows; row++) {
        struct store_notifier_dead dead;
        store_notifier_dead(result, row, &dead);
        print_dead(&dead);
        desk->meant[explanation_find(dead.reason)] = true;
        desk->id = dead.id;
    }
    desk->listed += result->rows;
    event_base_loopbreak(desk->base);
}

static int list(struct desk *desk)
{
    int err = 0;
    desk->id = INT64_MAX;
    do {
        err = ask(desk, begin_list, take_list);
    } while (err == 0 && desk->page_rows == PAGE);
    if (err != 0)
        return err;
    if (desk->listed == 0) {
        puts("There are no dead letters.");
        return 0;
    }
    putchar('\n');
    for (int i = 0; i < EXPLANATIONS; i++)
        if (desk->meant[i])
            printf("%s: %s\n", explanations[i].part[0] != '\0' ? explanations[i].part : "others",
                   explanations[i].meaning);
    puts("To send some again: perch-notifier dead-letters redrive ID... (or: all). They are "
         "forgotten after 30 days.");
    return 0;
}

static int begin_redrive(struct pg *pg, void *argument)
{
    const struct desk *desk = argument;
    return store_notifier_redrive_start(pg, desk->id, clock_wall_ms());
}

static void take_redrive(void *argument, int err, const struct pg_result *result)
{
    struct desk *desk = argument;
    desk->err = err;
    if (err == 0)
        store_notifier_redriven(result, &desk->queued, &desk->removed);
    event_base_loopbreak(desk->base);
}

static int redrive_all(struct desk *desk)
{
    int err = ask(desk, begin_redrive, take_redrive);
    if (err == 0)
        printf("%" PRId64 " in the queue again; %" PRId64
               " removed, for somebody has read or deleted the message or ended the link.\n",
               desk->queued, desk->removed);
    return err;
}

/* Those before one that goes wrong are done. */
static int redrive_each(struct desk *desk, int count, char *const *ids)
{
    bool missing = false;
    for (int i = 0; i < count; i++) {
        desk->id = strtoll(ids[i], NULL, 10);
        int err = ask(desk, begin_redrive, take_redrive);
        if (err != 0)
            return err;
        printf("%" PRId64 ": %s\n", desk->id,
               desk->queued > 0 ? "in the queue again"
               : desk->removed > 0
                   ? "removed: the message was read or deleted, or there is no link any more"
                   : "there is no such dead letter");
        missing |= desk->queued + desk->removed == 0;
    }
    return missing ? ERR_NOT_FOUND : 0;
}

static bool is_id(const char *word)
{
    return word[0] != '\0' && word[0] != '0' && strspn(word, "0123456789") == strlen(word) &&
           strlen(word) < 19;
}

static bool are_ids(int count, char *const *words)
{
    for (int i = 0; i < count; i++)
        if (!is_id(words[i]))
            return false;
    return count > 0;
}

int dead_letters_main(const struct conf *conf, int word_count, char *const *words)
{
    bool lists = word_count == 0 || (word_count == 1 && strcmp(words[0], "list") == 0);
    bool redrives = word_count > 0 && strcmp(words[0], "redrive") == 0;
    bool all = redrives && word_count == 2 && strcmp(words[1], "all") == 0;
    struct desk desk;
    if (!lists && !all && !(redrives && are_ids(word_count - 1, words + 1))) {
        fputs("Usage: perch-notifier dead-letters [list]\n"
              "       perch-notifier dead-letters redrive ID...\n"
              "       perch-notifier dead-letters redrive all\n",
              stderr);
        return 1;
    }
    desk_open(&desk, conf);
    int err = lists ? list(&desk)
              : all ? redrive_all(&desk)
                    : redrive_each(&desk, word_count - 1, words + 1);
    desk_close(&desk);
    if (err == ERR_UNAVAILABLE)
        fputs("PostgreSQL does not answer: see PERCH_NOTIFIER_DATABASE_URL and the line above.\n",
              stderr);
    return err == 0 ? 0 : 1;
}
