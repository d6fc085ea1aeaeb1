/* What the fuzz targets share. Each is one file fuzz_<what>.c that gives bytes nobody has checked
 * to one door of the programs, and says what must hold whatever they are. */
#ifndef PERCH_FUZZ_H
#define PERCH_FUZZ_H

#include <fcgiapp.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "fcgi-app/request.h"
#include "fcgi-app/response.h"
#include "fcgi-app/worker.h"

enum { FUZZ_PARAMS_MAX = 32 };

/* libFuzzer calls it; 0 always. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold; ends the process where it does not, and libFuzzer keeps the input. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))
_Noreturn void fuzz_fail(const char *condition, const char *file, int line);

/* A NUL-terminated copy, exactly as long as need be so that AddressSanitizer sees a byte too far;
 * free() it. */
char *fuzz_text(const void *data, size_t size);

/* A key file of one key, "k1", and its 32 bytes: nothing else can make a good signature. */
const struct token_keys *fuzz_keys(void);
extern const unsigned char fuzz_secret[32];

/* A worker for whom neither PostgreSQL nor Redis answers, with the keys above; made once. */
struct worker *fuzz_worker(void);

/* A request without a web server, as tests/unit/fake_request.h has it. */
struct fuzz_request {
    char *params[FUZZ_PARAMS_MAX + 1];
    int param_count;
    FCGX_Stream in;
    FCGX_Request fcgx;
    struct request request;
    struct response response;
};

/* Begin, any number of parameters, a body (borrowed), then open; and end. */
void fuzz_request_begin(struct fuzz_request *fuzz);
void fuzz_request_param(struct fuzz_request *fuzz, const char *name, const char *value);
void fuzz_request_body(struct fuzz_request *fuzz, const char *body, size_t length);
void fuzz_request_open(struct fuzz_request *fuzz);
void fuzz_request_end(struct fuzz_request *fuzz);

#endif
