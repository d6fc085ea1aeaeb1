#include "fake_request.h"

#include <json-c/json_tokener.h>
#include <stdarg.h>
#include <string.h>

#include "unit.h"

/* Nothing comes after what was sent. */
static void stream_end(FCGX_Stream *stream)
{
    stream->isClosed = 1;
}

void fake_request_begin(struct fake_request *fake, const char *param, ...)
{
    va_list params;

    *fake = (struct fake_request){.in = {.isReader = 1, .fillBuffProc = stream_end}};
    va_start(params, param);
    for (int i = 0; param != NULL; i++) {
        assert_true(i < FAKE_PARAMS_MAX);
        fake->params[i] = (char *)(uintptr_t)param;
        param = va_arg(params, const char *);
    }
    va_end(params);
    fake->fcgx = (FCGX_Request){.requestId = 1, .in = &fake->in, .envp = fake->params};
    fake->fcgx.ipcFd = -1;
    fake->worker.conf = &fake->conf;
    arena_init(&fake->arena);
    response_init(&fake->response);
    request_init(&fake->request, &fake->worker, &fake->fcgx, &fake->arena);
}

void fake_request_send(struct fake_request *fake, const char *text)
{
    fake->in.rdNext = (unsigned char *)(uintptr_t)text;
    fake->in.wrNext = fake->in.stop = fake->in.rdNext + strlen(text);
}

void fake_request_body(struct fake_request *fake, const char *json)
{
    request_release(&fake->request);
    response_clear(&fake->response);
    fake->request.body = json_tokener_parse(json);
    assert_non_null(fake->request.body);
}

void fake_request_end(struct fake_request *fake)
{
    request_release(&fake->request);
    response_release(&fake->response);
    arena_release(&fake->arena);
}

struct json_object *fake_request_reply(const struct fake_request *fake)
{
    struct json_object *reply = NULL;

    assert_non_null(fake->response.body.data);
    reply = json_tokener_parse(fake->response.body.data);
    assert_non_null(reply);
    return reply;
}
