/* Polls that come back whatever happens to the server, by the page's rules: after a reply when it
 * says, after a failure with doubling, jittered pauses. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"

enum {
    STARTING_MAX = 64,
    FIRST_MS = 800, /* static/wait.js */
    LONGEST_MS = 30000,
    TICK_MS = 10,
};

struct waiter {
    struct load_poll poll;
    int64_t due_at; /* when it asks again; 0: it has asked */
    int tries;
};

struct keep_run {
    const struct load_options *options;
    int epoll;
    struct waiter *waiters;
    int started, polling, resting;
    uint64_t asked, answered, sent_back, broken;
    uint64_t refused[600]; /* by status */
};

static void waiter_rest(struct keep_run *run, struct waiter *waiter, long ms)
{
    waiter->due_at = load_now_ns() + ms * INT64_C(1000000);
    run->resting++;
}

static void waiter_fail(struct keep_run *run, struct waiter *waiter)
{
    long full = (long)FIRST_MS << (waiter->tries < 6 ? waiter->tries : 6);

    if (full > LONGEST_MS)
        full = LONGEST_MS;
    waiter->tries++;
    waiter_rest(run, waiter, full / 2 + (long)load_random((uint32_t)full / 2 + 1));
}

static void waiter_open(struct keep_run *run, struct waiter *waiter)
{
    load_http_open(&waiter->poll.http, run->options, run->epoll, waiter);
}

static void waiter_break(struct keep_run *run, struct waiter *waiter)
{
    run->broken++;
    load_http_close(&waiter->poll.http);
    waiter_open(run, waiter);
    waiter_fail(run, waiter);
}

static void waiter_ask(struct keep_run *run, struct waiter *waiter)
{
    run->asked++;
    if (!load_poll_ask(&waiter->poll, run->options, run->epoll))
        waiter_break(run, waiter);
}

static void waiters_start(struct keep_run *run)
{
    while (run->started < run->options->waiting && run->started - run->polling < STARTING_MAX) {
        struct waiter *waiter = &run->waiters[run->started];

        waiter->poll.user = &run->options->users[run->started++];
        waiter_open(run, waiter);
        waiter_ask(run, waiter);
    }
}

static void waiter_read(struct keep_run *run, struct waiter *waiter)
{
    bool first = waiter->poll.cursor[0] == '\0';
    long after_ms = 0;
    int got = load_http_read(&waiter->poll.http);

    if (got == 0)
        return;
    if (got < 0 && waiter->due_at == 0) {
        waiter_break(run, waiter);
        return;
    }
    if (got < 0) {
        /* While it rests: it will ask on a new connection. */
        waiter->poll.http.closing = true;
        epoll_ctl(run->epoll, EPOLL_CTL_DEL, waiter->poll.http.fd, NULL);
        return;
    }
    if (!load_poll_take(&waiter->poll, run->options, &after_ms)) {
        int status = waiter->poll.http.status;

        run->refused[status > 0 && status < 600 ? status : 0]++;
        waiter_fail(run, waiter);
        return;
    }
    waiter->tries = 0;
    run->answered++;
    run->polling += first;
    run->sent_back += after_ms > 0;
    if (after_ms > 0)
        waiter_rest(run, waiter, after_ms);
    else
        waiter_ask(run, waiter);
    waiters_start(run);
}

static void waiters_wake(struct keep_run *run)
{
    int64_t now = load_now_ns();

    for (int i = 0; i < run->started && run->resting > 0; i++) {
        struct waiter *waiter = &run->waiters[i];

        if (waiter->due_at == 0 || waiter->due_at > now)
            continue;
        waiter->due_at = 0;
        run->resting--;
        waiter_ask(run, waiter);
    }
}

static void events_handle(void *argument, int timeout_ms)
{
    struct keep_run *run = argument;
    struct epoll_event events[256];
    int count = epoll_wait(run->epoll, events, 256, run->resting > 0 ? TICK_MS : timeout_ms);

    if (count < 0 && errno != EINTR)
        load_die("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++)
        waiter_read(run, events[i].data.ptr);
    if (run->resting > 0)
        waiters_wake(run);
}

static void keep_print(const struct keep_run *run)
{
    const char *separator = "";

    printf("{\"mode\":\"keep\",\"waiting\":%d,\"asked\":%lu,\"answered\":%lu,\"sent_back\":%lu,"
           "\"broken\":%lu,\"resting\":%d,\"refused\":{",
           run->options->waiting, (unsigned long)run->asked, (unsigned long)run->answered,
           (unsigned long)run->sent_back, (unsigned long)run->broken, run->resting);
    for (int i = 0; i < 600; i++) {
        if (run->refused[i] == 0)
            continue;
        printf("%s\"%d\":%lu", separator, i, (unsigned long)run->refused[i]);
        separator = ",";
    }
    printf("}}\n");
}

void load_keep_run(const struct load_options *options)
{
    struct keep_run run = {.options = options, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct epoll_event input = {.events = EPOLLIN}, found;
    int inputs = epoll_create1(EPOLL_CLOEXEC);
    int64_t deadline;

    run.waiters = calloc((size_t)options->waiting + 1, sizeof *run.waiters);
    if (run.epoll < 0 || inputs < 0 || !run.waiters || options->waiting == 0)
        load_die("--waiting is needed, or memory, or descriptors");
    waiters_start(&run);
    deadline = load_now_ns() + LOAD_START_S * INT64_C(1000000000);
    while (run.polling < options->waiting) {
        events_handle(&run, 1000);
        if (load_now_ns() > deadline)
            load_die("only %d polls answer after %d s", run.polling, LOAD_START_S);
    }
    load_input_await(events_handle, &run);
    run.asked = run.answered = run.sent_back = 0;
    deadline = load_now_ns() + options->seconds * INT64_C(1000000000);
    epoll_ctl(inputs, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    while (epoll_wait(inputs, &found, 1, 0) == 0 && load_now_ns() < deadline)
        events_handle(&run, 20);
    keep_print(&run);
}
