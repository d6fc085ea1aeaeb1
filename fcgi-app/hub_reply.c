/* The reply of a parked request: one FCGI_STDOUT record and one FCGI_END_REQUEST (FastCGI 1.0,
 * sections 5.3 and 5.5), in one write. The socket has never been written to, so its buffer (208 KiB
 * by default) takes the whole. */
#include <fastcgi.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/err.h"
#include "common/log.h"
#include "http_status.h"
#include "hub_state.h"
#include "render.h"

enum { STDOUT_MAX = 65535 };

static void put16(unsigned char *high, unsigned char *low, unsigned value)
{
    *high = (unsigned char)(value >> 8);
    *low = (unsigned char)value;
}

static FCGI_Header header_of(int type, int fcgi_id, size_t length)
{
    FCGI_Header header = {.version = FCGI_VERSION_1, .type = (unsigned char)type};
    put16(&header.requestIdB1, &header.requestIdB0, (unsigned)fcgi_id);
    put16(&header.contentLengthB1, &header.contentLengthB0, (unsigned)length);
    return header;
}

/* Begins hub->reply with room for the record's header, and the HTTP header lines. */
static void begin(struct hub *hub, int status, const char *type, const char *request_id)
{
    const FCGI_Header room = {0};
    buf_clear(&hub->reply);
    buf_add(&hub->reply, &room, sizeof room);
    buf_addf(&hub->reply, "Status: %d %s\r\nContent-Type: %s\r\nCache-Control: no-store\r\n",
             status, http_reason(status), type);
    if (request_id[0] != '\0')
        buf_addf(&hub->reply, "X-Request-Id: %s\r\n", request_id);
    buf_adds(&hub->reply, "\r\n");
}

static void finish(struct hub *hub, int fd, int fcgi_id)
{
    struct buf *reply = &hub->reply;
    FCGI_Header head = header_of(FCGI_STDOUT, fcgi_id, reply->length - sizeof head);
    FCGI_EndRequestRecord end = {.header = header_of(FCGI_END_REQUEST, fcgi_id, sizeof end.body)};
    memcpy(reply->data, &head, sizeof head);
    buf_add(reply, &end, sizeof end);
    if (reply->length > STDOUT_MAX + sizeof head + sizeof end ||
        send(fd, reply->data, reply->length, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)reply->length)
        log_debug("a waiting poll could not be answered; its client will ask again");
}

static void cursor_text(const struct hub *hub, int64_t seq, char ret_text[CURSOR_TEXT_MAX])
{
    struct cursor cursor = {.seq = seq};
    memcpy(cursor.epoch, hub->epoch, sizeof cursor.epoch);
    cursor_format(&cursor, ret_text);
}

void hub_reply_poll(struct hub *hub, const struct waiter *waiter, enum hub_answer answer,
                    int after_ms)
{
    char cursor[CURSOR_TEXT_MAX];
    cursor_text(hub, waiter->seq, cursor);
    begin(hub, 200, "application/json", waiter_request_id(waiter));
    render_poll_head(&hub->reply, cursor, cursor, answer == HUB_MORE, after_ms,
                     answer == HUB_SUPERSEDED);
    buf_adds(&hub->reply, "]}");
    finish(hub, waiter->fd, waiter->fcgi_id);
}

void hub_reply_event(struct hub *hub, const struct waiter *waiter, const char *json, bool passing)
{
    char from[CURSOR_TEXT_MAX];
    char cursor[CURSOR_TEXT_MAX];
    cursor_text(hub, waiter->seq, from);
    cursor_text(hub, waiter->seq + !passing, cursor);
    begin(hub, 200, "application/json", waiter_request_id(waiter));
    render_poll_head(&hub->reply, from, cursor, false, 0, false);
    buf_adds(&hub->reply, json);
    buf_adds(&hub->reply, "]}");
    finish(hub, waiter->fd, waiter->fcgi_id);
}

void hub_reply_unauthorized(struct hub *hub, const struct waiter *waiter)
{
    const struct err_info *info = err_info(ERR_UNAUTHORIZED);
    begin(hub, info->status, "application/problem+json", waiter_request_id(waiter));
    render_problem(&hub->reply, info);
    buf_adds(&hub->reply, "}");
    finish(hub, waiter->fd, waiter->fcgi_id);
}

void hub_reply_park(struct hub *hub, const struct handoff_park *park, int fd, int after_ms)
{
    char cursor[CURSOR_TEXT_MAX];
    cursor_format(&park->cursor, cursor);
    begin(hub, 200, "application/json", park->request_id);
    render_poll_head(&hub->reply, cursor, cursor, false, after_ms, false);
    buf_adds(&hub->reply, "]}");
    finish(hub, fd, park->fcgi_id);
}
