#include "metrics_server.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/listen.h"
#include "common/listen_address.h"
#include "common/log.h"
#include "common/loop_pg.h"
#include "common/memory.h"
#include "store_notifier.h"

#define KEY "PERCH_NOTIFIER_METRICS"

enum { PATIENCE_S = 10, HEADERS_MAX = 8192, BODY_MAX = 1024 };

struct asker {
    struct evhttp_request *request;
    STAILQ_ENTRY(asker) of_server;
};

struct metrics_server {
    struct evhttp *http;
    struct loop_pg *database;
    const struct metrics *metrics;
    int fd;
    struct listen_file file;
    STAILQ_HEAD(, asker) askers; /* until PostgreSQL has answered */
};

static void reply(struct evhttp_request *request, const struct buf *text)
{
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                      "text/plain; version=0.0.4; charset=utf-8");
    evbuffer_add(evhttp_request_get_output_buffer(request), text->data, text->length);
    evhttp_send_reply(request, HTTP_OK, NULL, NULL);
}

/* Clocks differ, and what is new by one may be yet to come by another. */
static int64_t age(int64_t since)
{
    int64_t now = clock_wall_ms();
    return since == 0 || since > now ? 0 : now - since;
}

static int begin_counts(struct pg *pg, void *argument)
{
    (void)argument;
    return store_notifier_counts_start(pg);
}

static void take_counts(void *argument, int err, const struct pg_result *result)
{
    struct metrics_server *server = argument;
    struct metrics_waiting waiting = {0};
    struct buf text = {0};
    struct asker *asker;
    if (err == 0) {
        struct store_notifier_counts counts;
        store_notifier_counted(result, &counts);
        waiting = (struct metrics_waiting){
            .known = true,
            .queue = counts.outbox,
            .queue_oldest_ms = age(counts.outbox_oldest_at),
            .says = counts.says,
            .says_oldest_ms = age(counts.says_oldest_at),
            .updates = counts.updates,
            .dead = counts.dead,
        };
    }
    metrics_write(&text, server->metrics, &waiting);
    while ((asker = STAILQ_FIRST(&server->askers)) != NULL) {
        STAILQ_REMOVE_HEAD(&server->askers, of_server);
        reply(asker->request, &text);
        free(asker);
    }
    buf_release(&text);
}

/* libevent reads nothing from the connection until it is answered, so it, and the request, stay
 * whoever leaves meanwhile. */
static void on_metrics(struct evhttp_request *request, void *argument)
{
    struct metrics_server *server = argument;
    struct asker *asker = memory_new(sizeof *asker);
    asker->request = request;
    STAILQ_INSERT_TAIL(&server->askers, asker, of_server);
    if (loop_pg_is_idle(server->database))
        loop_pg_start(server->database, begin_counts, take_counts, server);
}

/* What is counted is nobody's secret, but nobody's business elsewhere either. */
static int place_check(const char *place)
{
    struct listen_address address;
    int err = listen_address_parse(KEY, place, &address);
    if (err == 0 && !listen_address_is_local(&address.socket)) {
        log_error(KEY "=%s: use an address of this host alone, such as 127.0.0.1:9464, or a path",
                  place);
        err = ERR_CONFIG;
    }
    return err;
}

int metrics_server_new(struct event_base *base, const char *place, const char *database_url,
                       const struct metrics *metrics, struct metrics_server **ret_server)
{
    int fd = -1;
    int err = place_check(place);
    if (err == 0)
        err = listen_open(KEY, place, NULL, &fd);
    if (err != 0)
        return err;
    struct metrics_server *server = memory_new(sizeof *server);
    server->http = evhttp_new(base);
    server->metrics = metrics;
    server->fd = fd;
    server->file = listen_file(fd);
    STAILQ_INIT(&server->askers);
    server->database =
        loop_pg_new(base, database_url, "perch-notifier metrics", &store_notifier_profile);
    evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET);
    evhttp_set_max_headers_size(server->http, HEADERS_MAX);
    evhttp_set_max_body_size(server->http, BODY_MAX);
    evhttp_set_timeout(server->http, PATIENCE_S);
    evhttp_set_cb(server->http, "/metrics", on_metrics, server);
    evhttp_accept_socket_with_handle(server->http, fd); /* closes it at its end */
    *ret_server = server;
    return 0;
}

void metrics_server_free(struct metrics_server *server)
{
    struct asker *asker;
    if (server == NULL)
        return;
    listen_end(server->fd, &server->file);
    loop_pg_free(server->database);
    while ((asker = STAILQ_FIRST(&server->askers)) != NULL) {
        STAILQ_REMOVE_HEAD(&server->askers, of_server);
        free(asker);
    }
    evhttp_free(server->http); /* the requests, too */
    free(server);
}
