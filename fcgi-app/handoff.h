/* What workers tell the hub, over a SOCK_SEQPACKET pair: one datagram each, in host order, both
 * ends being the same program on the same host.
 *
 * A parked poll travels with its connection's descriptor (SCM_RIGHTS). Sending never blocks: a
 * default queue takes 278 such datagrams, and a blocking send on a full one would freeze the pool,
 * so the caller answers the poll itself instead. */
#ifndef PERCH_HANDOFF_H
#define PERCH_HANDOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cursor.h"

enum {
    HANDOFF_QUEUE_BYTES = 8 * 1024 * 1024,
    HANDOFF_TAB_MAX = 36,        /* a UUID */
    HANDOFF_REQUEST_ID_MAX = 64, /* of X-Request-Id */
    HANDOFF_WAKE_MAX = 60 * 1024,
    HANDOFF_ROOM = 208 * 1024, /* of a parked connection's send buffer */
    LEASE_GRACE_MS = 8000,     /* how long a device may be between two polls */
};

enum handoff_kind { HANDOFF_PARK = 1, HANDOFF_WAKE = 2, HANDOFF_LEASE = 3 };

/* What a poll says about the person: nothing, because a program asks; or what they do. */
enum handoff_presence { PRESENCE_NONE, PRESENCE_IDLE, PRESENCE_ACTIVE };

struct handoff_park {
    uint32_t kind;
    int32_t fcgi_id; /* FastCGI request id */
    bool stream;     /* of server-sent events, begun already; without a deadline */
    int64_t user_id;
    int64_t session_id;
    int64_t deadline_ms;  /* monotonic: when to answer without news */
    struct cursor cursor; /* where PostgreSQL said the log stands: nothing was newer */
    uint32_t presence;    /* enum handoff_presence */
    char tab[HANDOFF_TAB_MAX + 1];
    char request_id[HANDOFF_REQUEST_ID_MAX + 1];
};

/* Prepares a connection for being parked: whatever is written to it later must go out whole at
 * once, or not at all. A unix socket has the room; TCP would begin with less, wait for company
 * before it sends little, and need a quarter of an hour to notice that the other host is gone. */
void handoff_make_room(int fd);

/* A wake-up that Redis did not take; followed by its text (wake.h). */
struct handoff_wake {
    uint32_t kind;
    uint32_t length;
    int64_t user_id;
};

/* A change of leases (lease.h) that no parked poll brings with it. */
enum handoff_lease_change {
    LEASE_SEEN, /* a poll of this tab was answered at once */
    LEASE_BYE,  /* the tab is leaving */
    LEASE_END,  /* the session ended */
};

struct handoff_lease {
    uint32_t kind;
    uint32_t change; /* enum handoff_lease_change */
    int64_t user_id;
    int64_t session_id;
    int64_t seq;       /* LEASE_SEEN: the device has everything up to here */
    uint32_t presence; /* LEASE_SEEN */
    char tab[HANDOFF_TAB_MAX + 1];
};

/* The two ends, both non-blocking and close-on-exec; ERR_INTERNAL, logged. */
int handoff_pair(int ret_fds[2]) __attribute__((warn_unused_result));

/* ERR_BUSY: the queue is full, or the hub cannot be reached; nothing was sent and `fd` is still the
 * caller's. Otherwise the caller closes its copy. */
int handoff_park(int socket, const struct handoff_park *park, int fd)
    __attribute__((warn_unused_result));
int handoff_lease(int socket, const struct handoff_lease *lease)
    __attribute__((warn_unused_result));
int handoff_wake(int socket, int64_t user_id, const char *text, size_t length)
    __attribute__((warn_unused_result));

union handoff_message {
    uint32_t kind;
    struct handoff_park park;
    struct handoff_lease lease;
    struct {
        struct handoff_wake head;
        char text[HANDOFF_WAKE_MAX + 1]; /* NUL-terminated on arrival */
    } wake;
};

/* One datagram. ret_fd is -1 where there is none: a wake or lease, or the kernel dropped it at the
 * descriptor limit. ERR_BUSY: there is none now; ERR_GONE: every sender is; ERR_BAD_REQUEST: not
 * one of ours. */
int handoff_receive(int socket, union handoff_message *ret_message, int *ret_fd)
    __attribute__((warn_unused_result));

#endif
