/* Open loop: messages are due by the clock, whatever the server does, and each is timed from when
 * it was due until the recipient's waiting poll is answered with it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "load.h"

enum {
    STARTING_MAX = 64, /* waiters on their way to their first poll */
    LATE_S = 5,        /* how long a wake-up may take after the last send */
};

struct peer {
    struct load_poll poll; /* a sender uses its connection and user */
    bool waits;            /* polls; else it sends */
    bool idle;             /* a sender without a request under way */
    uint64_t index;        /* of the message under way */
};

struct message {
    int64_t due_at;
    int64_t woke_at; /* 0: not yet */
};

struct wake_run {
    const struct load_options *options;
    int epoll, timer;
    struct peer *peers; /* the waiters, then the senders */
    int started, polling;
    int64_t timer_from;
    struct message *messages;
    uint64_t total, due, sent, answered, woken;
    uint64_t failures, repeats, reconnects, sent_back;
    struct load_times send_times, wake_times;
};

static struct peer *peer_sender(struct wake_run *run, int i)
{
    return &run->peers[run->options->waiting + i];
}

static void waiter_ask(struct wake_run *run, struct peer *peer)
{
    if (!load_poll_ask(&peer->poll, run->options, run->epoll))
        load_die("a poll could not be sent");
}

/* Gets the next waiter going; not all at once, as people do not come all at once. */
static void waiters_start(struct wake_run *run)
{
    while (run->started < run->options->waiting && run->started - run->polling < STARTING_MAX) {
        struct peer *peer = &run->peers[run->started++];

        load_http_open(&peer->poll.http, run->options, run->epoll, peer);
        waiter_ask(run, peer);
        /* There the first one waits already; here it asks where to begin. */
        run->polling += run->options->server == LOAD_NCHAN;
    }
}

static void events_note(struct wake_run *run, const char *json, int64_t now)
{
    const char *id = json;
    uint64_t index;

    while ((id = load_json_find(id, "client_id"))) {
        if (!load_message_index(run->options, id, &index) || index >= run->total)
            continue;
        if (run->messages[index].woke_at) {
            run->repeats++;
            continue;
        }
        run->messages[index].woke_at = now;
        run->woken++;
        load_times_add(&run->wake_times, now - run->messages[index].due_at);
    }
}

static void waiter_reply(struct wake_run *run, struct peer *peer)
{
    bool first = run->options->server == LOAD_PERCH && peer->poll.cursor[0] == '\0';
    long after_ms = 0;

    if (!load_poll_take(&peer->poll, run->options, &after_ms)) {
        if (run->failures++ == 0)
            fprintf(stderr, "poll: %d: %.300s\n", peer->poll.http.status, peer->poll.http.body);
        return; /* it polls no more */
    }
    if (first)
        run->polling++;
    else
        events_note(run, peer->poll.http.body, load_now_ns());
    run->sent_back += after_ms > 0;
    waiter_ask(run, peer);
    waiters_start(run);
}

static void sender_send(struct wake_run *run, struct peer *peer)
{
    const struct load_options *options = run->options;
    uint32_t waiter = load_random((uint32_t)options->waiting);

    if (peer->poll.http.closing) {
        load_http_close(&peer->poll.http);
        load_http_open(&peer->poll.http, options, run->epoll, peer);
    }
    peer->idle = false;
    peer->index = run->sent++;
    if (!load_message_send(&peer->poll.http, options, peer->poll.user, options->users[waiter].id,
                           peer->index))
        load_die("a message could not be sent");
}

/* Sends what is due, as far as there are idle senders. */
static void messages_send(struct wake_run *run)
{
    for (int i = 0; i < run->options->clients && run->sent < run->due; i++) {
        if (peer_sender(run, i)->idle)
            sender_send(run, peer_sender(run, i));
    }
}

static void sender_reply(struct wake_run *run, struct peer *peer)
{
    int status = peer->poll.http.status;
    bool taken = status == 201 || (run->options->server == LOAD_NCHAN && status == 202);

    if (!taken && run->failures++ == 0)
        fprintf(stderr, "send: %d: %.300s\n", status, peer->poll.http.body);
    load_times_add(&run->send_times, load_now_ns() - run->messages[peer->index].due_at);
    run->answered++;
    peer->idle = true;
    messages_send(run);
}

static void peer_read(struct wake_run *run, struct peer *peer)
{
    int got = load_http_read(&peer->poll.http);

    if (got < 0) {
        /* An idle connection may be closed at any time, a send that is cut off is a failure. */
        if (!peer->waits && !peer->idle)
            load_die("a connection broke while a send was under way");
        run->reconnects += peer->waits;
        load_http_close(&peer->poll.http);
        load_http_open(&peer->poll.http, run->options, run->epoll, peer);
        if (peer->waits)
            waiter_ask(run, peer);
    } else if (got > 0 && peer->waits) {
        waiter_reply(run, peer);
    } else if (got > 0) {
        sender_reply(run, peer);
    }
}

static void timer_arm(struct wake_run *run)
{
    long gap = 1000000000L / run->options->rate;
    struct itimerspec spec = {.it_interval.tv_nsec = gap, .it_value.tv_nsec = gap};

    if (gap >= 1000000000L)
        load_die("--rate must be more than 1");
    if (timerfd_settime(run->timer, 0, &spec, NULL) < 0)
        load_die("timerfd_settime: %s", strerror(errno));
    run->timer_from = load_now_ns();
}

static void timer_read(struct wake_run *run)
{
    int64_t gap = INT64_C(1000000000) / run->options->rate;
    uint64_t ticks = 0;

    if (read(run->timer, &ticks, sizeof ticks) != sizeof ticks)
        return;
    for (; ticks > 0 && run->due < run->total; ticks--) {
        struct message *message = &run->messages[run->due++];

        message->due_at = run->timer_from + gap * (int64_t)run->due;
    }
    messages_send(run);
}

static void events_handle(void *argument, int timeout_ms)
{
    struct wake_run *run = argument;
    struct epoll_event events[256];
    int count = epoll_wait(run->epoll, events, 256, timeout_ms);

    if (count < 0 && errno != EINTR)
        load_die("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == run)
            timer_read(run);
        else
            peer_read(run, events[i].data.ptr);
    }
}

static void run_prepare(struct wake_run *run)
{
    const struct load_options *options = run->options;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = run};

    run->epoll = epoll_create1(EPOLL_CLOEXEC);
    run->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    run->total = (uint64_t)options->rate * (uint64_t)options->seconds;
    run->peers = calloc((size_t)(options->waiting + options->clients), sizeof *run->peers);
    run->messages = calloc(run->total, sizeof *run->messages);
    if (run->epoll < 0 || run->timer < 0 || !run->peers || !run->messages ||
        epoll_ctl(run->epoll, EPOLL_CTL_ADD, run->timer, &event) < 0)
        load_die("out of memory or descriptors");
    for (int i = 0; i < options->waiting; i++)
        run->peers[i] = (struct peer){.poll.user = &options->users[i], .waits = true};
    for (int i = 0; i < options->clients; i++) {
        int user = options->waiting + i % (options->user_count - options->waiting);

        *peer_sender(run, i) = (struct peer){.poll.user = &options->users[user], .idle = true};
        load_http_open(&peer_sender(run, i)->poll.http, options, run->epoll, peer_sender(run, i));
    }
}

void load_wake_run(const struct load_options *options)
{
    struct wake_run run = {.options = options};
    int64_t deadline;

    if (options->waiting == 0)
        load_die("--waiting is needed");
    run_prepare(&run);
    waiters_start(&run);
    deadline = load_now_ns() + LOAD_START_S * INT64_C(1000000000);
    while (run.polling < options->waiting && run.failures == 0) {
        events_handle(&run, 1000);
        if (load_now_ns() > deadline)
            load_die("only %d polls answer after %d s", run.polling, LOAD_START_S);
    }
    load_input_await(events_handle, &run);
    timer_arm(&run);
    deadline = load_now_ns() + (options->seconds + LATE_S) * INT64_C(1000000000);
    while ((run.answered < run.total || run.woken < run.total) && load_now_ns() < deadline)
        events_handle(&run, 100);

    printf("{\"mode\":\"wake\",\"waiting\":%d,\"rate\":%d,\"seconds\":%d,\"failures\":%lu,\"lost\":"
           "%lu,"
           "\"repeats\":%lu,\"reconnects\":%lu,\"sent_back\":%lu,\"send_ms\":",
           options->waiting, options->rate, options->seconds, (unsigned long)run.failures,
           (unsigned long)(run.total - run.woken), (unsigned long)run.repeats,
           (unsigned long)run.reconnects, (unsigned long)run.sent_back);
    load_times_print(&run.send_times);
    printf(",\"wake_ms\":");
    load_times_print(&run.wake_times);
    printf("}\n");
}
