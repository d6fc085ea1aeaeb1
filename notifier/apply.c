#include "apply.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client_id.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/store_telegram.h"
#include "notifier.h"
#include "outbox.h"
#include "pg_line.h"
#include "says.h"
#include "store_notifier.h"
#include "store_update.h"
#include "update.h"
#include "wakes.h"

struct apply {
    struct notifier *notifier;
    struct pg_line *line;
    struct pg_task task;
    struct event *again; /* PostgreSQL is away: when to try again */
    struct arena arena;  /* one update's */
    struct update update;
    struct store_update store;
    char hash[STORE_TELEGRAM_HASH_MAX]; /* of a code */
    char client_id[CLIENT_ID_MAX];
    int64_t offset; /* where getUpdates goes on */
    bool skip;      /* PostgreSQL cannot apply it: mark it, and nothing else */
    int cancels;    /* in a row: it took PostgreSQL too long */
    apply_done *done;
    void *argument;
};

static int start_answer(struct apply *apply, struct pg *pg, const char *kind)
{
    return store_update_answer_start(pg, &apply->store, kind, "{}");
}

/* With a code, or "". */
static int start_start(struct apply *apply, struct pg *pg, const char *code)
{
    const struct update *update = &apply->update;
    store_telegram_hash(code, apply->hash);
    return store_update_start_start(pg, &apply->store, update->name, update->username,
                                    *code != '\0' ? apply->hash : NULL);
}

static int start_mute(struct apply *apply, struct pg *pg)
{
    int minutes = command_mute_minutes(apply->update.command.argument);
    return minutes > 0 ? store_update_mute_start(pg, &apply->store, minutes)
                       : start_answer(apply, pg, "mute_usage");
}

static int start_command(struct apply *apply, struct pg *pg)
{
    const struct command *command = &apply->update.command;
    switch (command->kind) {
    case COMMAND_START:
        return start_start(apply, pg, command->argument);
    case COMMAND_LINK:
        return *command->argument != '\0' ? start_start(apply, pg, command->argument)
                                          : start_answer(apply, pg, "link_usage");
    case COMMAND_UNLINK:
        return store_update_unlink_start(pg, &apply->store);
    case COMMAND_STATUS:
        return store_update_status_start(pg, &apply->store);
    case COMMAND_MUTE:
        return start_mute(apply, pg);
    case COMMAND_UNMUTE:
        return store_update_mute_start(pg, &apply->store, 0);
    case COMMAND_HELP:
        return start_answer(apply, pg, "help");
    case COMMAND_UNKNOWN:
    case COMMAND_NONE:
        break;
    }
    return start_answer(apply, pg, "command_unknown");
}

/* A text for somebody. */
static int start_text(struct apply *apply, struct pg *pg)
{
    const struct update *update = &apply->update;
    if (!update_body_fits(update->text))
        return start_answer(apply, pg, "reply_invalid");
    client_id_derive(apply->notifier->bot.id, update->chat_id, update->message_id,
                     apply->client_id);
    if (update->kind == UPDATE_REPLY)
        return store_update_reply_start(pg, &apply->store, update->reply_to, apply->client_id,
                                        update->text);
    return store_update_text_start(pg, &apply->store, apply->client_id, update->text);
}

static int start_tap(struct apply *apply, struct pg *pg)
{
    const struct button *button = &apply->update.button;
    switch (button->kind) {
    case BUTTON_MUTE:
        return store_update_mute_start(pg, &apply->store, button->minutes);
    case BUTTON_OFFER:
        return store_update_offer_start(pg, &apply->store, button->offer);
    case BUTTON_UNKNOWN:
        break;
    }
    return start_answer(apply, pg, "tap_unknown");
}

static int begin(struct pg *pg, void *argument)
{
    struct apply *apply = argument;
    const struct update *update = &apply->update;
    if (apply->skip)
        return store_update_skip_start(pg, &apply->store);
    switch (update->kind) {
    case UPDATE_COMMAND:
        return start_command(apply, pg);
    case UPDATE_TEXT:
    case UPDATE_REPLY:
        return start_text(apply, pg);
    case UPDATE_MEDIA:
        return start_answer(apply, pg, "media");
    case UPDATE_EDIT:
        return start_answer(apply, pg, "edit");
    case UPDATE_TAP:
        return start_tap(apply, pg);
    case UPDATE_BLOCKED:
        return store_update_block_start(pg, &apply->store);
    case UPDATE_UNBLOCKED:
        return store_update_unblock_start(pg, &apply->store, update->name, update->username);
    case UPDATE_NONE:
        break;
    }
    return store_update_skip_start(pg, &apply->store);
}

static void run(evutil_socket_t fd, short what, void *argument)
{
    struct apply *apply = argument;
    (void)fd;
    (void)what;
    apply->store.now = notifier_now();
    pg_line_add(apply->line, &apply->task);
}

/* Another try; or, where it is this update's own trouble, skips it. What PostgreSQL cannot even
 * mark in time is not: then everything is slow, or somebody holds a lock that all updates need. */
static void on_failed(struct apply *apply, int err)
{
    const struct timeval wait = {.tv_sec = APPLY_RETRY_MS / 1000};
    bool cancelled = pg_line_is_cancelled(apply->line);
    apply->cancels = cancelled ? apply->cancels + 1 : 0;
    if (apply->skip && cancelled) {
        apply->skip = false;
        apply->cancels = 0;
    }
    if (apply->skip || (err == ERR_UNAVAILABLE && apply->cancels < APPLY_CANCELS)) {
        evtimer_add(apply->again, &wait);
        return;
    }
    log_error("update %" PRId64 " (kind %d) cannot be applied: skipped", apply->update.id,
              (int)apply->update.kind);
    apply->skip = true;
    run(-1, 0, apply);
}

static void on_applied(void *argument, int err, const struct pg_result *result)
{
    struct apply *apply = argument;
    struct notifier *notifier = apply->notifier;
    if (err != 0) {
        on_failed(apply, err);
        return;
    }
    bool repeat = strcmp(store_notifier_status(result), "repeat") == 0;
    apply->offset = repeat ? store_update_offset(result) : apply->update.id + 1;
    if (!repeat) {
        notifier->metrics.updates++;
        wakes_publish(notifier->wakes, result);
        says_wake(notifier->says);
        outbox_wake(notifier->outbox); /* a message may wait now that did not before */
    }
    apply->done(apply->argument, apply->offset != apply->update.id + 1);
}

struct apply *apply_new(struct notifier *notifier)
{
    struct apply *apply = memory_new(sizeof *apply);
    apply->notifier = notifier;
    apply->line = pg_line_new(notifier->base, notifier->conf->notifier_database_url,
                              "perch-notifier updates", &store_notifier_profile);
    apply->task = (struct pg_task){.begin = begin, .done = on_applied, .argument = apply};
    apply->again = evtimer_new(notifier->base, run, apply);
    arena_init(&apply->arena);
    return apply;
}

void apply_free(struct apply *apply)
{
    if (apply == NULL)
        return;
    pg_line_free(apply->line);
    event_free(apply->again);
    arena_release(&apply->arena);
    free(apply);
}

int apply_start(struct apply *apply, struct json_object *object, int64_t offset, apply_done *done,
                void *argument)
{
    const struct update *update = &apply->update;
    arena_reset(&apply->arena);
    int err = update_read(object, apply->notifier->bot.username, &apply->arena, &apply->update);
    if (err != 0)
        return err;
    apply->skip = false;
    apply->cancels = 0;
    apply->done = done;
    apply->argument = argument;
    apply->store = (struct store_update){
        .offset_before = offset,
        .offset_after = offset == APPLY_INBOX ? update->id : update->id + 1,
        .chat_id = update->chat_id,
        .locale = update->locale,
        .callback_id = update->tap_id,
        .message_id = update->kind != UPDATE_COMMAND ? update->message_id : 0,
    };
    run(-1, 0, apply);
    return 0;
}

int64_t apply_offset(const struct apply *apply)
{
    return apply->offset;
}
