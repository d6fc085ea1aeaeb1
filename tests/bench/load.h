/* perch-load: makes the load that ./dev bench measures, and is cheap itself: one process, one epoll
 * loop, HTTP/1.1 with keep-alive, no allocation per request. A check program, never installed: it
 * trusts the server it is pointed at and gives up (load_die) on what should not happen. */
#ifndef PERCH_BENCH_LOAD_H
#define PERCH_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOAD_BODY_MIN = 20, LOAD_BODY_MAX = 200 }; /* characters of a message, uniformly spread */

struct load_user {
    int64_t id;
    char *token;
    char *path, *json; /* ask: what is asked as this user; json NULL for GET */
};

enum load_server { LOAD_PERCH, LOAD_NCHAN };

struct load_options {
    const char *host; /* numeric */
    int port;
    enum load_server server;
    struct load_user *users;
    int user_count;
    int clients;  /* send, ask: connections; wake: connections that send */
    int waiting;  /* wake, keep: polls; the first users wait, the others send */
    int rate;     /* wake: messages per second */
    int seconds;  /* measured */
    int warm_up;  /* seconds before that, not counted */
    uint64_t run; /* random: makes client_ids unique */
};

void load_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
int64_t load_now_ns(void); /* monotonic */
uint32_t load_random(uint32_t below);

/* The modes; each prints one JSON object. */
void load_ask_run(const struct load_options *options);
void load_keep_run(const struct load_options *options);
void load_send_run(const struct load_options *options);
void load_wake_run(const struct load_options *options);

/* Times, for percentiles. */
struct load_times {
    uint32_t *us;
    size_t count, size;
};

void load_times_add(struct load_times *times, int64_t ns);
/* Prints {"count":…,"p50":…,"p90":…,"p99":…,"max":…} in milliseconds. */
void load_times_print(struct load_times *times);

/* One connection with at most one request under way. */
struct load_http {
    int fd;
    char *in;
    size_t in_length, in_size;
    /* The whole reply, until the next request; the body is NUL-terminated. */
    int status;
    char *body;
    bool closing; /* the server will not take another request here */
};

void load_http_open(struct load_http *http, const struct load_options *options, int epoll,
                    void *owner);
void load_http_close(struct load_http *http);
/* Sends a request as the user; headers: further lines, each with its end; json NULL for GET. False:
 * the connection is gone. */
bool load_http_request(struct load_http *http, const struct load_user *user, const char *path,
                       const char *headers, const char *json);
/* Readable: 1 the reply is whole, 0 not yet, -1 the connection is gone. */
int load_http_read(struct load_http *http);
/* Where the value of a member begins, after its quote if it is a text; NULL. */
const char *load_json_find(const char *json, const char *name);

enum {
    LOAD_CURSOR_MAX = 256,
    LOAD_START_S = 60, /* until all polls wait, or the run is given up */
};

/* Somebody's waiting poll; the first member of its owner, which epoll's events point to. */
struct load_poll {
    struct load_http http;
    const struct load_user *user;
    char cursor[LOAD_CURSOR_MAX]; /* empty before the first reply; in the server's own form */
};

/* Polls from where it stands; a connection that the server will not use again is opened anew. */
bool load_poll_ask(struct load_poll *poll, const struct load_options *options, int epoll);
/* Looks at a whole reply and moves the cursor; false if the reply is not a poll's. `*ret_after_ms`:
 * when to come back. */
bool load_poll_take(struct load_poll *poll, const struct load_options *options, long *ret_after_ms);
/* Waits, while `handle` serves the load, for the next line or the end of the input, after having
 * said so with a line "waiting". */
void load_input_await(void (*handle)(void *argument, int timeout_ms), void *argument);

/* Sends message number `index` of this run from one user to another. False as above. */
bool load_message_send(struct load_http *http, const struct load_options *options,
                       const struct load_user *from, int64_t to, uint64_t index);
/* Is this client_id one of ours? Then which number. */
bool load_message_index(const struct load_options *options, const char *client_id,
                        uint64_t *ret_index);

#endif
