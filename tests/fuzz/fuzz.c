#include "fuzz.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/store.h"

const unsigned char fuzz_secret[32] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

_Noreturn void fuzz_fail(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

char *fuzz_text(const void *data, size_t size)
{
    char *text = malloc(size + 1);

    FUZZ_CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

const struct token_keys *fuzz_keys(void)
{
    static const char file_text[] = "k1 QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE\n";
    static struct token_keys *keys;
    char path[64];
    int file;

    if (keys)
        return keys;
    file = memfd_create("keys", 0);
    FUZZ_CHECK(file >= 0 && fchmod(file, 0600) == 0);
    FUZZ_CHECK(write(file, file_text, strlen(file_text)) == (ssize_t)strlen(file_text));
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    FUZZ_CHECK(token_keys_load(path, &keys) == 0);
    close(file);
    return keys;
}

struct worker *fuzz_worker(void)
{
    static const struct redis_address nowhere = {.host = "/nonexistent/redis.sock"};
    static struct conf conf;
    static struct worker worker;

    if (worker.conf)
        return &worker;
    log_open("fuzz", LOG_LEVEL_ERROR);
    FUZZ_CHECK(sodium_init() >= 0 && conf_load(&conf) == 0);
    conf.rate_register = conf.rate_login = conf.rate_account = 1000000;
    conf.rate_send = conf.rate_costly = 1000000;
    worker = (struct worker){
        .conf = &conf,
        .keys = fuzz_keys(),
        .cost = {.passes = 1, .memory_bytes = 8192},
        .pg = pg_new("host=/nonexistent", "fuzz", &store_profile),
        .redis = redis_new(&nowhere),
    };
    arena_init(&worker.arena);
    return &worker;
}

/* Nothing comes after what was sent. */
static void stream_end(FCGX_Stream *stream)
{
    stream->isClosed = 1;
}

void fuzz_request_begin(struct fuzz_request *fuzz)
{
    *fuzz = (struct fuzz_request){.in = {.isReader = 1, .fillBuffProc = stream_end}};
}

void fuzz_request_param(struct fuzz_request *fuzz, const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *param = malloc(size);

    FUZZ_CHECK(param != NULL && fuzz->param_count < FUZZ_PARAMS_MAX);
    snprintf(param, size, "%s=%s", name, value);
    fuzz->params[fuzz->param_count++] = param;
}

void fuzz_request_body(struct fuzz_request *fuzz, const char *body, size_t length)
{
    fuzz->in.rdNext = (unsigned char *)(uintptr_t)body;
    fuzz->in.wrNext = fuzz->in.stop = fuzz->in.rdNext + length;
}

void fuzz_request_open(struct fuzz_request *fuzz)
{
    struct worker *worker = fuzz_worker();

    fuzz->fcgx = (FCGX_Request){.requestId = 1, .in = &fuzz->in, .envp = fuzz->params};
    fuzz->fcgx.ipcFd = -1;
    response_init(&fuzz->response);
    request_init(&fuzz->request, worker, &fuzz->fcgx, &worker->arena);
}

void fuzz_request_end(struct fuzz_request *fuzz)
{
    request_release(&fuzz->request);
    response_release(&fuzz->response);
    arena_release(&fuzz_worker()->arena);
    for (int i = 0; i < fuzz->param_count; i++)
        free(fuzz->params[i]);
}
