/* What is written to a parked request: FCGI_STDOUT records and at the end one FCGI_END_REQUEST
 * (FastCGI 1.0, sections 5.3 and 5.5).
 *
 * A poll's reply is one write to a socket that has never been written to, whose buffer
 * (HANDOFF_ROOM) takes the whole. A stream's buffer may be full, because its reader is slow or does
 * not read at all: what does not go in whole ends it, the reader comes back and reads on from
 * PostgreSQL. So a reader costs what its socket holds, never the hub's memory or time. */
#include <fastcgi.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/err.h"
#include "common/log.h"
#include "http_status.h"
#include "hub_state.h"
#include "render.h"
#include "stream.h"

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

/* Begins hub->reply with room for the record's header. */
static void begin(struct hub *hub)
{
    const FCGI_Header room = {0};
    buf_clear(&hub->reply);
    buf_add(&hub->reply, &room, sizeof room);
}

/* The same with the HTTP header lines. */
static void begin_http(struct hub *hub, int status, const char *type, const char *request_id)
{
    begin(hub);
    buf_addf(&hub->reply, "Status: %d %s\r\nContent-Type: %s\r\nCache-Control: no-store\r\n",
             status, http_reason(status), type);
    if (request_id[0] != '\0')
        buf_addf(&hub->reply, "X-Request-Id: %s\r\n", request_id);
    buf_adds(&hub->reply, "\r\n");
}

/* Completes the record's header and sends it with what stands after it. Did all of it go out? */
static bool put(struct hub *hub, int fd, int fcgi_id, size_t content)
{
    struct buf *reply = &hub->reply;
    FCGI_Header head = header_of(FCGI_STDOUT, fcgi_id, content);
    memcpy(reply->data, &head, sizeof head);
    return content <= STDOUT_MAX && send(fd, reply->data, reply->length,
                                         MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)reply->length;
}

static bool go_on(struct hub *hub, const struct waiter *waiter)
{
    return put(hub, waiter->fd, waiter->fcgi_id, hub->reply.length - sizeof(FCGI_Header));
}

static void finish(struct hub *hub, int fd, int fcgi_id)
{
    FCGI_EndRequestRecord end = {.header = header_of(FCGI_END_REQUEST, fcgi_id, sizeof end.body)};
    size_t content = hub->reply.length - sizeof(FCGI_Header);
    buf_add(&hub->reply, &end, sizeof end);
    if (!put(hub, fd, fcgi_id, content))
        log_debug("a waiting poll could not be answered; its client will ask again");
}

static void cursor_text(const struct hub *hub, int64_t seq, char ret_text[CURSOR_TEXT_MAX])
{
    struct cursor cursor = {.seq = seq};
    memcpy(cursor.epoch, hub->epoch, sizeof cursor.epoch);
    cursor_format(&cursor, ret_text);
}

/* The reader comes back after `retry_ms`, through a worker, who sees to whatever there is to say.
 */
static void end_stream(struct hub *hub, int fd, int fcgi_id, bool superseded, int retry_ms)
{
    int after_ms = retry_ms > STREAM_AGAIN_MS ? retry_ms : STREAM_AGAIN_MS;
    begin(hub);
    if (superseded)
        stream_add_superseded(&hub->reply, after_ms);
    else
        stream_add_end(&hub->reply, after_ms);
    finish(hub, fd, fcgi_id);
}

void hub_reply_poll(struct hub *hub, const struct waiter *waiter, enum hub_answer answer,
                    int after_ms)
{
    char cursor[CURSOR_TEXT_MAX];
    if (waiter->stream) {
        end_stream(hub, waiter->fd, waiter->fcgi_id, answer == HUB_SUPERSEDED, after_ms);
        return;
    }
    cursor_text(hub, waiter->seq, cursor);
    begin_http(hub, 200, "application/json", waiter_request_id(waiter));
    render_poll_head(&hub->reply, cursor, cursor, answer == HUB_MORE, after_ms,
                     answer == HUB_SUPERSEDED);
    if (answer != HUB_SUPERSEDED) /* hardly anybody reads that one */
        hub_news_render(&hub->reply, waiter->user, true);
    buf_adds(&hub->reply, "]}");
    finish(hub, waiter->fd, waiter->fcgi_id);
}

bool hub_reply_event(struct hub *hub, const struct waiter *waiter, const char *json, bool passing)
{
    char from[CURSOR_TEXT_MAX];
    char cursor[CURSOR_TEXT_MAX];
    cursor_text(hub, waiter->seq, from);
    cursor_text(hub, waiter->seq + !passing, cursor);
    if (waiter->stream) {
        begin(hub);
        stream_add_event(&hub->reply, passing ? NULL : cursor, json);
        hub_news_stream(&hub->reply, waiter->user);
        return go_on(hub, waiter);
    }
    begin_http(hub, 200, "application/json", waiter_request_id(waiter));
    render_poll_head(&hub->reply, from, cursor, false, 0, false);
    buf_adds(&hub->reply, json);
    hub_news_render(&hub->reply, waiter->user, false);
    buf_adds(&hub->reply, "]}");
    finish(hub, waiter->fd, waiter->fcgi_id);
    return false;
}

bool hub_reply_news(struct hub *hub, const struct waiter *waiter)
{
    if (!waiter->stream) {
        hub_reply_poll(hub, waiter, HUB_NOTHING, 0);
        return false;
    }
    begin(hub);
    hub_news_stream(&hub->reply, waiter->user);
    return go_on(hub, waiter);
}

bool hub_reply_ping(struct hub *hub, const struct waiter *waiter)
{
    begin(hub);
    stream_add_ping(&hub->reply);
    return go_on(hub, waiter);
}

void hub_reply_unauthorized(struct hub *hub, const struct waiter *waiter)
{
    const struct err_info *info = err_info(ERR_UNAUTHORIZED);
    if (waiter->stream) {
        end_stream(hub, waiter->fd, waiter->fcgi_id, false, STREAM_AGAIN_MS);
        return;
    }
    begin_http(hub, info->status, "application/problem+json", waiter_request_id(waiter));
    render_problem(&hub->reply, info);
    buf_adds(&hub->reply, "}");
    finish(hub, waiter->fd, waiter->fcgi_id);
}

void hub_reply_park(struct hub *hub, const struct handoff_park *park, int fd, int after_ms)
{
    char cursor[CURSOR_TEXT_MAX];
    if (park->stream) {
        end_stream(hub, fd, park->fcgi_id, false, after_ms);
        return;
    }
    cursor_format(&park->cursor, cursor);
    begin_http(hub, 200, "application/json", park->request_id);
    render_poll_head(&hub->reply, cursor, cursor, false, after_ms, false);
    buf_adds(&hub->reply, "]}");
    finish(hub, fd, park->fcgi_id);
}
