/* Closed loop: each client sends its next message when the last one's reply is there, like a client
 * of pgbench. Sender and recipient are drawn anew for each message. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"

struct client {
    struct load_http http;
    int64_t sent_at;
};

struct send_run {
    const struct load_options *options;
    int epoll;
    uint64_t sent;
    uint64_t failures;
    int64_t counts_from, counts_to;
    struct load_times times;
};

static void client_send(struct send_run *run, struct client *client)
{
    const struct load_options *options = run->options;
    uint32_t from = load_random((uint32_t)options->user_count);
    uint32_t to =
        (from + 1 + load_random((uint32_t)options->user_count - 1)) % (uint32_t)options->user_count;

    if (client->http.closing) {
        load_http_close(&client->http);
        load_http_open(&client->http, options, run->epoll, client);
    }
    client->sent_at = load_now_ns();
    if (!load_message_send(&client->http, options, &options->users[from], options->users[to].id,
                           run->sent++))
        load_die("a connection broke");
}

static void client_read(struct send_run *run, struct client *client)
{
    int got = load_http_read(&client->http);
    int64_t now;

    if (got == 0)
        return;
    if (got < 0)
        load_die("a connection broke while a send was under way");
    now = load_now_ns();
    if (client->http.status != 201) {
        if (run->failures++ == 0)
            fprintf(stderr, "%d: %.300s\n", client->http.status, client->http.body);
    } else if (now >= run->counts_from && now < run->counts_to) {
        load_times_add(&run->times, now - client->sent_at);
    }
    if (now < run->counts_to)
        client_send(run, client);
}

void load_send_run(const struct load_options *options)
{
    struct send_run run = {.options = options, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct client *clients = calloc((size_t)options->clients, sizeof *clients);
    struct epoll_event events[64];

    if (run.epoll < 0 || !clients)
        load_die("out of memory or descriptors");
    run.counts_from = load_now_ns() + options->warm_up * INT64_C(1000000000);
    run.counts_to = run.counts_from + options->seconds * INT64_C(1000000000);
    for (int i = 0; i < options->clients; i++) {
        load_http_open(&clients[i].http, options, run.epoll, &clients[i]);
        client_send(&run, &clients[i]);
    }
    while (load_now_ns() < run.counts_to) {
        int count = epoll_wait(run.epoll, events, 64, 100);

        if (count < 0 && errno != EINTR)
            load_die("epoll_wait: %s", strerror(errno));
        for (int i = 0; i < count; i++)
            client_read(&run, events[i].data.ptr);
    }
    printf("{\"mode\":\"send\",\"clients\":%d,\"seconds\":%d,\"per_second\":%.1f,\"failures\":%lu,"
           "\"latency_ms\":",
           options->clients, options->seconds, (double)run.times.count / options->seconds,
           (unsigned long)run.failures);
    load_times_print(&run.times);
    printf("}\n");
}
