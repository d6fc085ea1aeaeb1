#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum { OUT_SIZE = 4096, IN_SIZE = 2048 };

void load_http_open(struct load_http *http, const struct load_options *options, int epoll,
                    void *owner)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = owner};
    int on = 1;

    if (inet_pton(AF_INET, options->host, &address.sin_addr) != 1)
        load_die("not a numeric address: %s", options->host);
    /* On the loopback a connect does not wait. */
    http->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (http->fd < 0 || connect(http->fd, (struct sockaddr *)&address, sizeof address) < 0)
        load_die("connect: %s", strerror(errno));
    setsockopt(http->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, http->fd, &event) < 0)
        load_die("epoll_ctl: %s", strerror(errno));
    if (!http->in) {
        http->in = malloc(IN_SIZE);
        http->in_size = IN_SIZE;
    }
    if (!http->in)
        load_die("out of memory");
    http->in_length = 0;
    http->closing = false;
}

void load_http_close(struct load_http *http)
{
    close(http->fd);
    http->fd = -1;
}

bool load_http_request(struct load_http *http, const struct load_user *user, const char *path,
                       const char *headers, const char *json)
{
    char out[OUT_SIZE];
    int length = snprintf(out, sizeof out,
                          "%s %s HTTP/1.1\r\n"
                          "Host: localhost\r\n"
                          "Cookie: perch_session=%s\r\n"
                          "Sec-Fetch-Site: same-origin\r\n%s",
                          json ? "POST" : "GET", path, user->token, headers);

    if (json)
        length += snprintf(out + length, sizeof out - (size_t)length,
                           "Content-Type: application/json\r\n"
                           "Content-Length: %zu\r\n\r\n%s",
                           strlen(json), json);
    else
        length += snprintf(out + length, sizeof out - (size_t)length, "\r\n");
    if (length >= (int)sizeof out)
        load_die("a request of %d bytes", length);
    http->in_length = 0;
    /* A request fits into the socket's buffer, for there is never another one before it. */
    return send(http->fd, out, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL) == length;
}

/* Joins the chunks in place, behind each other; NULL when the last one has not come. */
static char *http_chunks_join(char *at, char *end)
{
    char *to = at;

    for (;;) {
        char *line = memmem(at, (size_t)(end - at), "\r\n", 2);
        size_t size;

        if (!line)
            return NULL;
        size = strtoul(at, NULL, 16);
        if ((size_t)(end - line) < size + 4)
            return NULL;
        memmove(to, line + 2, size);
        to += size;
        at = line + 2 + size + 2;
        if (size == 0)
            return to;
    }
}

/* 1 when the reply in http->in is whole. */
static int http_parse(struct load_http *http)
{
    char *end = http->in + http->in_length;
    char *head_end, *length;

    *end = '\0';
    head_end = strstr(http->in, "\r\n\r\n");
    if (!head_end)
        return 0;
    if (strncmp(http->in, "HTTP/1.1 ", 9) != 0)
        load_die("not HTTP: %.60s", http->in);
    http->status = (int)strtol(http->in + 9, NULL, 10);
    http->body = head_end + 4;
    *head_end = '\0';
    http->closing = strcasestr(http->in, "\r\nConnection: close") != NULL;
    length = strcasestr(http->in, "\r\nContent-Length: ");
    if (length) {
        size_t size = strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);

        if ((size_t)(end - http->body) >= size)
            return 1;
    } else if (!strcasestr(http->in, "\r\nTransfer-Encoding: chunked")) {
        return 1; /* 204 */
    } else if (http->in_length > 5 && memcmp(end - 5, "0\r\n\r\n", 5) == 0) {
        end = http_chunks_join(http->body, end);
        if (end) {
            *end = '\0';
            return 1;
        }
    }
    *head_end = '\r';
    return 0;
}

int load_http_read(struct load_http *http)
{
    for (;;) {
        ssize_t got;

        if (http->in_size - http->in_length < IN_SIZE / 2) {
            http->in_size *= 2;
            http->in = realloc(http->in, http->in_size);
            if (!http->in)
                load_die("out of memory");
        }
        got = recv(http->fd, http->in + http->in_length, http->in_size - http->in_length - 1,
                   MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN)
            return 0;
        if (got <= 0)
            return -1;
        http->in_length += (size_t)got;
        if (http_parse(http))
            return 1;
    }
}

const char *load_json_find(const char *json, const char *name)
{
    char quoted[64];
    const char *at;

    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    at = strstr(json, quoted);
    if (!at)
        return NULL;
    at += strlen(quoted);
    at += strspn(at, ": ");
    return *at == '"' ? at + 1 : at;
}

/* The client_id of message n: a UUID of version 4 in form, the run in front, n at the end. */
static const char client_id_form[] = "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-8000-%012" PRIx64;

static void client_id_make(const struct load_options *options, uint64_t index, char ret_text[37])
{
    uint64_t run = options->run;

    snprintf(ret_text, 37, client_id_form, run & 0xffffffff, run >> 32 & 0xffff, run >> 48 & 0xfff,
             index & 0xffffffffffff);
}

bool load_message_index(const struct load_options *options, const char *client_id,
                        uint64_t *ret_index)
{
    char first[37];

    client_id_make(options, 0, first);
    if (strncmp(client_id, first, 24) != 0)
        return false;
    *ret_index = strtoull(client_id + 24, NULL, 16);
    return true;
}

bool load_message_send(struct load_http *http, const struct load_options *options,
                       const struct load_user *from, int64_t to, uint64_t index)
{
    static const char text[] =
        "The quick brown fox jumps over the lazy dog, and then it turns round and does it again, "
        "for the dog is as lazy as ever and the fox as quick; nobody minds, least of all the dog. "
        "So it goes on until the dark.";
    _Static_assert(sizeof text > LOAD_BODY_MAX, "the text is too short");
    char path[64], json[512], client_id[37];
    int length = LOAD_BODY_MIN + (int)load_random(LOAD_BODY_MAX - LOAD_BODY_MIN + 1);

    client_id_make(options, index, client_id);
    snprintf(path, sizeof path,
             options->server == LOAD_NCHAN ? "/pub/%" PRId64
                                           : "/api/v1/dialogs/%" PRId64 "/messages",
             to);
    snprintf(json, sizeof json, "{\"client_id\":\"%s\",\"body\":\"%.*s\"}", client_id, length,
             text);
    return load_http_request(http, from, path, "", json);
}
