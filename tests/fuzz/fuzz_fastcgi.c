/* What a web server sends. Two kinds of input:
 *
 *   lines "NAME=value", an empty line, a body     made into the records nginx would send
 *   a byte 1 (FastCGI's version) and so on        the records themselves
 *
 * libfcgi and our worker read them from a socket and answer; the answer is whole FastCGI records
 * with an HTTP status that is never 500. Then the same request without the gate: every handler, up
 * to a database that is away. */
#include "fuzz.h"

#include <assert.h>
#include <errno.h>
#include <fastcgi.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "fcgi-app/router.h"

enum { INPUT_MAX = 128 * 1024, RECORD_MAX = 65535 };

static void add_record(struct buf *wire, int type, const char *content, size_t length)
{
    const FCGI_Header header = {.version = FCGI_VERSION_1,
                                .type = (unsigned char)type,
                                .requestIdB0 = 1,
                                .contentLengthB1 = (unsigned char)(length >> 8),
                                .contentLengthB0 = (unsigned char)length};

    buf_add(wire, &header, sizeof header);
    buf_add(wire, content, length);
}

static void add_length(struct buf *params, size_t length)
{
    const char bytes[4] = {(char)(0x80 | length >> 24), (char)(length >> 16), (char)(length >> 8),
                           (char)length};

    if (length < 128)
        buf_add(params, bytes + 3, 1);
    else
        buf_add(params, bytes, 4);
}

static void add_params(struct buf *params, const char *text, const char *end)
{
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        const char *stop = line_end ? line_end : end;
        const char *equals = memchr(text, '=', (size_t)(stop - text));

        if (equals) {
            add_length(params, (size_t)(equals - text));
            add_length(params, (size_t)(stop - equals - 1));
            buf_add(params, text, (size_t)(equals - text));
            buf_add(params, equals + 1, (size_t)(stop - equals - 1));
        }
        text = stop + 1;
    }
}

/* The records nginx would send for a request that is written in lines. */
static void add_request(struct buf *wire, const char *text, size_t size)
{
    static const char begin[8] = {0, FCGI_RESPONDER};
    const char *blank = memmem(text, size, "\n\n", 2);
    const char *body = blank ? blank + 2 : text + size;
    size_t length = (size_t)(text + size - body);
    struct buf params = {0};

    add_params(&params, text, blank ? blank : text + size);
    add_record(wire, FCGI_BEGIN_REQUEST, begin, sizeof begin);
    if (params.length > 0)
        add_record(wire, FCGI_PARAMS, params.data, params.length & RECORD_MAX);
    add_record(wire, FCGI_PARAMS, "", 0);
    if (length > 0)
        add_record(wire, FCGI_STDIN, body, length < RECORD_MAX ? length : RECORD_MAX);
    add_record(wire, FCGI_STDIN, "", 0);
    buf_release(&params);
}

/* Reads what was answered: whole records up to the end, the first STDOUT begins with the status. */
static void check_answer(int socket)
{
    static char answer[1024 * 1024];
    size_t length = 0;
    int status = 0;
    ssize_t got;

    while ((got = recv(socket, answer + length, sizeof answer - length - 1, MSG_DONTWAIT)) > 0)
        length += (size_t)got;
    answer[length] = '\0';
    for (size_t at = 0; at < length;) {
        FCGI_Header header;
        size_t content;

        FUZZ_CHECK(length - at >= sizeof header);
        memcpy(&header, answer + at, sizeof header);
        content = (size_t)header.contentLengthB1 << 8 | header.contentLengthB0;
        at += sizeof header;
        FUZZ_CHECK(header.version == FCGI_VERSION_1 &&
                   length - at >= content + header.paddingLength);
        if (header.type == FCGI_STDOUT && content > 0 && status == 0) {
            char *head = strstr(answer + at, "Status: ");
            char *end = strstr(answer + at, "\r\n\r\n");

            FUZZ_CHECK(head && end && head < end && sscanf(head, "Status: %3d ", &status) == 1);
        }
        at += content + header.paddingLength;
    }
    FUZZ_CHECK(status >= 200 && status != 500 && status < 600);
}

/* Beyond the gate: as somebody who is logged in, and nothing answers behind the handler. */
static void check_handler(struct request *request, struct response *response)
{
    unsigned allowed = 0;
    int err =
        router_find(request->method, request->path, &request->route, &request->path_id, &allowed);

    if (err != 0)
        return;
    request->caller = (struct caller){.user_id = 42, .session_id = 7};
    err = request_parse_query(request);
    if (err == 0)
        err = request_read_body(request, request->route->body_limit);
    if (err == 0)
        err = request->route->handler(request, response);
    FUZZ_CHECK(err_info(err)->status != 500 || err == 0);
}

/* A parameter that says to be longer than memory has room ends the worker: libfcgi asserts that it
 * gets what it asks for. Only nginx writes to that socket, and the master starts another worker. */
static jmp_buf worker_ended;

void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
{
    fprintf(stderr, "%s:%u: %s: does not hold: %s\n", file, line, function, assertion);
    if (strcmp(file, "fcgiapp.c") == 0 && strcmp(function, "Malloc") == 0)
        longjmp(worker_ended, 1);
    abort();
}

/* As worker_serve() does it, but for the wake-ups. */
static void serve(FCGX_Request *fcgx, int browser, bool gate)
{
    struct worker *worker = fuzz_worker();
    struct request request;
    struct response response;

    response_init(&response);
    request_init(&request, worker, fcgx, &worker->arena);
    if (gate) {
        unsigned allowed = 0;
        const struct route *route = NULL;

        if (router_find(request.method, request.path, &route, &request.path_id, &allowed) == 0)
            worker->pool = route->pool;
        router_serve(&request, &response);
        (void)!response_send(&response, &request);
        check_answer(browser);
    } else {
        check_handler(&request, &response);
    }
    request_release(&request);
    response_release(&response);
    arena_release(&worker->arena);
}

static void connect_and_serve(const struct buf *wire, bool gate)
{
    const int size = 4 * INPUT_MAX;
    FCGX_Request fcgx;
    int pair[2];

    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    if (send(pair[0], wire->data, wire->length, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
        shutdown(pair[0], SHUT_WR);
        FUZZ_CHECK(FCGX_InitRequest(&fcgx, -1, 0) == 0);
        /* With a connection that it may keep libfcgi does not accept one first. */
        fcgx.ipcFd = pair[1];
        fcgx.keepConnection = 1;
        if (setjmp(worker_ended) == 0 && FCGX_Accept_r(&fcgx) >= 0)
            serve(&fcgx, pair[0], gate);
        FCGX_Free(&fcgx, 0);
    }
    close(pair[0]);
    close(pair[1]);
}

/* libfcgi 2.4.2 loses 48 bytes with each question about its limits (FCGI_GET_VALUES) that is cut
 * short: only a web server could ask, and none does. What our use of it would lose shows in
 * tests/hub/test_memory.py. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfcgi.so\n";
}
/* It also wants as much memory as a parameter says to be long. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "print_suppressions=0:allocator_may_return_null=1";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool initialised;
    struct buf wire = {0};

    if (!initialised)
        FUZZ_CHECK(FCGX_Init() == 0);
    initialised = true;
    if (size == 0 || size > INPUT_MAX)
        return 0;
    if (data[0] == FCGI_VERSION_1)
        buf_add(&wire, data, size);
    else
        add_request(&wire, (const char *)data, size);
    connect_and_serve(&wire, true);
    connect_and_serve(&wire, false);
    buf_release(&wire);
    return 0;
}
