#include "notifier.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>

#include "bot_api.h"
#include "common/clock.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/log.h"
#include "hint.h"
#include "identity.h"
#include "leader.h"
#include "menu.h"
#include "metrics_server.h"
#include "outbox.h"
#include "pace.h"
#include "says.h"
#include "updates.h"
#include "wakes.h"
#include "webhook.h"

enum { END_SIGNALS = 2 };

/* What only this file needs of the program. */
struct program {
    struct notifier notifier;
    struct leader *leader;
    struct metrics_server *metrics_server; /* NULL: nobody watches */
    struct event end_events[END_SIGNALS];
    struct event end_timer;
};

int64_t notifier_now(void)
{
    return clock_wall_ms();
}

uint32_t notifier_random(void)
{
    return randombytes_random();
}

void notifier_token_bad(struct notifier *notifier)
{
    pace_stop(notifier->pace);
    identity_doubt(notifier->identity);
}

static void on_hint(void *argument)
{
    struct notifier *notifier = argument;
    outbox_wake(notifier->outbox);
    says_wake(notifier->says);
    webhook_wake(notifier->webhook);
}

static void shift_begin(struct notifier *notifier, const struct notifier_bot *bot)
{
    notifier->bot = *bot;
    notifier->wakes = wakes_new(notifier);
    notifier->pace = pace_new(notifier);
    notifier->outbox = outbox_new(notifier);
    notifier->says = says_new(notifier);
    notifier->hint = hint_new(notifier, on_hint, notifier);
    notifier->updates = notifier->conf->telegram_webhook ? NULL : updates_new(notifier);
    notifier->webhook = webhook_new(notifier);
    notifier->menu = menu_new(notifier);
    notifier->metrics.ready = true;
}

static void shift_end(struct notifier *notifier)
{
    notifier->metrics.ready = false;
    menu_free(notifier->menu);
    notifier->menu = NULL;
    webhook_free(notifier->webhook);
    notifier->webhook = NULL;
    updates_free(notifier->updates);
    notifier->updates = NULL;
    hint_free(notifier->hint);
    notifier->hint = NULL;
    says_free(notifier->says);
    notifier->says = NULL;
    outbox_free(notifier->outbox);
    notifier->outbox = NULL;
    pace_free(notifier->pace);
    notifier->pace = NULL;
    wakes_free(notifier->wakes);
    notifier->wakes = NULL;
}

/* For the first time in this shift, or after its token was bad. */
static void on_identity(void *argument, const struct notifier_bot *bot)
{
    struct notifier *notifier = argument;
    if (notifier->pace == NULL)
        shift_begin(notifier, bot);
    else
        pace_go(notifier->pace);
}

static void on_gained(void *argument)
{
    struct notifier *notifier = argument;
    notifier->metrics.leader = true;
    notifier->identity = identity_new(notifier, on_identity, notifier);
}

static void on_lost(void *argument)
{
    struct notifier *notifier = argument;
    notifier->metrics.leader = false;
    shift_end(notifier);
    identity_free(notifier->identity);
    notifier->identity = NULL;
}

static void leave(void *argument)
{
    event_base_loopbreak(argument);
}

static void on_end_time(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(argument);
}

static void on_end(evutil_socket_t fd, short what, void *argument)
{
    static const struct timeval patience = {.tv_sec = NOTIFIER_END_MS / 1000,
                                            .tv_usec = NOTIFIER_END_MS % 1000 * 1000};
    struct program *program = argument;
    struct notifier *notifier = &program->notifier;
    (void)fd;
    (void)what;
    if (notifier->pace == NULL) {
        event_base_loopbreak(notifier->base);
        return;
    }
    event_add(&program->end_timer, &patience);
    pace_end(notifier->pace, leave, notifier->base);
}

static void watch_signals(struct program *program)
{
    static const int ends[END_SIGNALS] = {SIGTERM, SIGINT};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct event_base *base = program->notifier.base;
    sigaction(SIGPIPE, &ignore, NULL);
    event_assign(&program->end_timer, base, -1, 0, on_end_time, base);
    for (int i = 0; i < END_SIGNALS; i++) {
        event_assign(&program->end_events[i], base, ends[i], EV_SIGNAL | EV_PERSIST, on_end,
                     program);
        event_add(&program->end_events[i], NULL);
    }
}

static void program_release(struct program *program)
{
    struct notifier *notifier = &program->notifier;
    shift_end(notifier);
    identity_free(notifier->identity);
    leader_free(program->leader);
    metrics_server_free(program->metrics_server);
    bot_api_free(notifier->api);
    for (int i = 0; i < END_SIGNALS; i++)
        event_del(&program->end_events[i]);
    event_del(&program->end_timer);
    event_base_free(notifier->base);
}

int notifier_api_new(struct event_base *base, const struct conf *conf, struct bot_api **ret_api)
{
    const struct bot_api_options options = {
        .url = conf->telegram_api,
        .token_file = conf->telegram_token_file,
        .insecure = conf->telegram_api_insecure != 0,
        .ca_file = conf->telegram_ca_file,
    };
    if (conf->telegram_token_file == NULL) {
        log_error("PERCH_TELEGRAM_TOKEN_FILE is not set: without a bot nobody can be notified");
        return ERR_CONFIG;
    }
    return bot_api_new(base, &options, ret_api);
}

int notifier_run(const struct conf *conf)
{
    static const struct leader_calls calls = {on_gained, on_lost};
    struct program program = {.notifier = {.conf = conf}};
    struct notifier *notifier = &program.notifier;
    int err = redis_address_parse(conf->redis_url, &notifier->redis);
    if (err != 0)
        return err;
    notifier->base = event_base_new();
    if (notifier->base == NULL)
        abort();
    watch_signals(&program);
    err = notifier_api_new(notifier->base, conf, &notifier->api);
    if (err == 0 && conf->notifier_metrics != NULL)
        err =
            metrics_server_new(notifier->base, conf->notifier_metrics, conf->notifier_database_url,
                               &notifier->metrics, &program.metrics_server);
    if (err == 0) {
        program.leader = leader_new(notifier->base, conf->notifier_database_url, &calls, notifier);
        event_base_dispatch(notifier->base);
    }
    program_release(&program);
    return err;
}
