#include "response.h"

#include <stdio.h>

#include "common/err.h"
#include "http_status.h"
#include "render.h"

void response_init(struct response *response)
{
    *response = (struct response){0};
}

void response_clear(struct response *response)
{
    struct buf headers = response->headers;
    struct buf body = response->body;
    struct buf members = response->members;
    buf_clear(&headers);
    buf_clear(&body);
    buf_clear(&members);
    *response = (struct response){.headers = headers, .body = body, .members = members};
}

void response_release(struct response *response)
{
    buf_release(&response->headers);
    buf_release(&response->body);
    buf_release(&response->members);
}

void response_empty(struct response *response)
{
    response->status = 204;
    buf_clear(&response->body);
}

int response_invalid(struct response *response, const char *field)
{
    response->field = field;
    return ERR_INVALID;
}

void response_problem(struct response *response, int err)
{
    const struct err_info *info = err_info(err);
    struct buf *body = &response->body;
    response->status = info->status;
    response->type = "application/problem+json";
    if (response->retry_after_s == 0 && (info->status == 429 || info->status == 503))
        response->retry_after_s = 1;
    buf_clear(body);
    render_problem(body, info);
    if (response->field != NULL) {
        buf_adds(body, ",\"field\":");
        buf_add_json(body, response->field);
    }
    if (response->members.length > 0)
        buf_add(body, response->members.data, response->members.length);
    buf_adds(body, "}");
}

static void add_headers(struct response *response, const struct request *request)
{
    struct buf *headers = &response->headers;
    int status = response->status ? response->status : 200;
    buf_addf(headers, "Status: %d %s\r\nCache-Control: no-store\r\n", status, http_reason(status));
    if (status != 204)
        buf_addf(headers, "Content-Type: %s\r\n",
                 response->type ? response->type : "application/json");
    if (response->retry_after_s > 0)
        buf_addf(headers, "Retry-After: %d\r\n", response->retry_after_s);
    if (request->id[0] != '\0')
        buf_addf(headers, "X-Request-Id: %s\r\n", request->id);
}

/* Headers, unless they are gone already, and body. */
static int put(struct response *response, struct request *request)
{
    FCGX_Stream *out = request->fcgx->out;
    int sent = 0;
    if (!response->opened) {
        buf_adds(&response->headers, "\r\n");
        sent = FCGX_PutStr(response->headers.data, (int)response->headers.length, out);
    }
    if (sent >= 0 && response->status != 204 && response->body.length > 0)
        sent = FCGX_PutStr(response->body.data, (int)response->body.length, out);
    return sent < 0 ? ERR_GONE : 0;
}

int response_open(struct response *response, struct request *request)
{
    add_headers(response, request);
    int err = put(response, request);
    if (err == 0 && FCGX_FFlush(request->fcgx->out) != 0)
        err = ERR_GONE;
    buf_clear(&response->body);
    response->opened = true;
    return err;
}

/* libfcgi ends a connection by waiting until the web server has closed it, because whatever is
 * unread when we close, or comes later, may take the reply along. Where the request has been read
 * to the empty record that ends its body there is nothing to wait for. That record may come behind
 * the body, on its own. */
static void close_at_once(struct request *request)
{
    if (request->unread == 0 && FCGX_GetChar(request->fcgx->in) == EOF)
        FCGX_Detach(request->fcgx);
}

int response_send(struct response *response, struct request *request)
{
    if (!response->opened) {
        add_headers(response, request);
        if (response->status != 204)
            buf_addf(&response->headers, "Content-Length: %zu\r\n", response->body.length);
    }
    int err = put(response, request);
    /* nginx asks to keep the connection (fastcgi.conf says why), but a worker that read from it
     * would serve nobody else. */
    request->fcgx->keepConnection = 0;
    close_at_once(request);
    FCGX_Finish_r(request->fcgx);
    return err;
}
