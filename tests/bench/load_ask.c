/* Closed loop of requests that the users' file holds, each client drawing anew for each request:
 * polls that find something at once, pages of history, lists, log-ins. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "load.h"

struct client {
    struct load_http http;
    int64_t asked_at;
};

struct ask_run {
    const struct load_options *options;
    int epoll;
    uint64_t bytes, failures;
    int64_t counts_from, counts_to;
    struct load_times times;
};

static void client_ask(struct ask_run *run, struct client *client)
{
    const struct load_options *options = run->options;
    const struct load_user *user = &options->users[load_random((uint32_t)options->user_count)];

    if (!user->path)
        load_die("--users: a line without a path");
    if (client->http.closing) {
        load_http_close(&client->http);
        load_http_open(&client->http, options, run->epoll, client);
    }
    client->asked_at = load_now_ns();
    if (!load_http_request(&client->http, user, user->path, "", user->json))
        load_die("a connection broke");
}

static void client_read(struct ask_run *run, struct client *client)
{
    int got = load_http_read(&client->http);
    int64_t now;

    if (got == 0)
        return;
    if (got < 0)
        load_die("a connection broke while a request was under way");
    now = load_now_ns();
    if (client->http.status < 200 || client->http.status > 299) {
        if (run->failures++ == 0)
            fprintf(stderr, "%d: %.300s\n", client->http.status, client->http.body);
    } else if (now >= run->counts_from && now < run->counts_to) {
        load_times_add(&run->times, now - client->asked_at);
        run->bytes += client->http.in_length;
    }
    if (now < run->counts_to)
        client_ask(run, client);
}

void load_ask_run(const struct load_options *options)
{
    struct ask_run run = {.options = options, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct client *clients = calloc((size_t)options->clients, sizeof *clients);
    struct epoll_event events[64];

    if (run.epoll < 0 || !clients)
        load_die("out of memory or descriptors");
    run.counts_from = load_now_ns() + options->warm_up * INT64_C(1000000000);
    run.counts_to = run.counts_from + options->seconds * INT64_C(1000000000);
    for (int i = 0; i < options->clients; i++) {
        load_http_open(&clients[i].http, options, run.epoll, &clients[i]);
        client_ask(&run, &clients[i]);
    }
    while (load_now_ns() < run.counts_to) {
        int count = epoll_wait(run.epoll, events, 64, 100);

        if (count < 0 && errno != EINTR)
            load_die("epoll_wait: %s", strerror(errno));
        for (int i = 0; i < count; i++)
            client_read(&run, events[i].data.ptr);
    }
    printf("{\"mode\":\"ask\",\"clients\":%d,\"seconds\":%d,\"per_second\":%.1f,\"failures\":%lu,"
           "\"bytes\":%.0f,\"latency_ms\":",
           options->clients, options->seconds, (double)run.times.count / options->seconds,
           (unsigned long)run.failures,
           run.times.count > 0 ? (double)run.bytes / (double)run.times.count : 0.0);
    load_times_print(&run.times);
    printf("}\n");
}
