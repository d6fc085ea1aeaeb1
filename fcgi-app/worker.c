#include "worker.h"

#include <errno.h>
#include <fcgiapp.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "child.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/listen.h"
#include "common/log.h"
#include "common/store.h"
#include "response.h"
#include "router.h"

enum { DRAIN_MS = 8000, DRAIN_IDLE_MS = 50 };

static void worker_init(struct worker *worker, const struct child *child, enum pool pool)
{
    *worker = (struct worker){
        .conf = child->conf,
        .keys = child->keys,
        .pool = pool,
        .cost = {.passes = (uint64_t)child->conf->argon2_passes,
                 .memory_bytes = (size_t)child->conf->argon2_memory_kib * 1024},
        .pg = pg_new(child->conf->database_url, pool == POOL_AUTH ? "perch-auth" : "perch-worker",
                     &store_profile),
        .redis = redis_new(&child->redis_address),
        .hub_count = child->hub_count,
        .hub_fds = child->hub_fds,
    };
    arena_init(&worker->arena);
}

static void worker_release(struct worker *worker)
{
    pg_free(worker->pg);
    redis_free(worker->redis);
    notify_release(&worker->notify);
    arena_release(&worker->arena);
}

/* One request, from its first byte to its reply. Wake-ups go out with the reply and are seen to
 * after it: the sender does not wait for Redis, and the receivers do not wait for the sender. */
static void worker_serve(struct worker *worker, FCGX_Request *fcgx, struct response *response)
{
    static const struct timeval send_patience = {.tv_sec = 10};
    struct request request;
    /* A web server that does not take its reply must not keep the worker. */
    setsockopt(fcgx->ipcFd, SOL_SOCKET, SO_SNDTIMEO, &send_patience, sizeof send_patience);
    request_init(&request, worker, fcgx, &worker->arena);
    log_request(request.id[0] != '\0' ? request.id : NULL);
    router_serve(&request, response);
    notify_send(worker);
    if (response->parked) {
        FCGX_Free(fcgx, 0);
        close(fcgx->ipcFd);
        FCGX_InitRequest(fcgx, fcgx->listen_sock, 0);
    } else if (response_send(response, &request) != 0) {
        log_debug("the client left before the reply");
    }
    notify_settle(worker);
    request_release(&request);
    response_clear(response);
    arena_reset(&worker->arena);
    log_request(NULL);
}

/* Whom nginx has connected already is answered: until nobody stands in line. Not where others go on
 * with the socket, nor for longer than the master waits. */
static void worker_drain(struct worker *worker, const struct child *child, FCGX_Request *fcgx,
                         struct response *response)
{
    struct pollfd line = {.fd = fcgx->listen_sock, .events = POLLIN | POLLRDHUP};
    int64_t until = clock_mono_ms() + DRAIN_MS;
    if (!child->own_sockets[worker->pool] || child_is_replaced())
        return;
    if (getppid() != child->master)
        listen_end(fcgx->listen_sock,
                   &child->files[worker->pool]); /* the master died and could not */
    while (clock_mono_ms() < until && poll(&line, 1, DRAIN_IDLE_MS) > 0) {
        int accepted = FCGX_Accept_r(fcgx);
        if (accepted >= 0)
            worker_serve(worker, fcgx, response);
        else if ((line.revents & POLLRDHUP) != 0)
            break; /* of a unix socket that was ended, the last */
    }
}

/* Accepts and serves until TERM. TERM and HUP are blocked but for the wait, so a request is never
 * cut; EPOLLEXCLUSIVE wakes one idle worker per connection instead of all of them. */
static int worker_loop(struct worker *worker, const struct child *child, int listen_fd,
                       const sigset_t *mask)
{
    FCGX_Request fcgx;
    struct response response;
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listen_fd, &event) != 0 ||
        FCGX_InitRequest(&fcgx, listen_fd, 0) != 0) {
        log_error("cannot wait for requests: %s", strerror(errno));
        return 1;
    }
    response_init(&response);
    child_ready(child);
    while (!child_is_ending()) {
        if (epoll_pwait(epoll, &event, 1, -1, mask) <= 0)
            continue;
        /* A negative result: another worker was quicker. */
        if (FCGX_Accept_r(&fcgx) >= 0)
            worker_serve(worker, &fcgx, &response);
    }
    worker_drain(worker, child, &fcgx, &response);
    FCGX_Free(&fcgx, 1);
    response_release(&response);
    close(epoll);
    return 0;
}

int worker_main(const struct child *child, enum pool pool, int listen_fd, const sigset_t *mask)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct worker worker;
    child_signals_init();
    if (FCGX_Init() != 0 || sodium_init() < 0) {
        log_error("cannot start: a library does not initialise");
        return CHILD_EXIT_FATAL;
    }
    /* libfcgi's handler would make every accept fail from then on. */
    sigaction(SIGUSR1, &ignore, NULL);
    worker_init(&worker, child, pool);
    int code = worker_loop(&worker, child, listen_fd, mask);
    worker_release(&worker);
    return code;
}
