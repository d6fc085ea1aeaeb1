#include "password.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "common/memory.h"

_Static_assert(PASSWORD_HASH_MAX == crypto_pwhash_STRBYTES, "password.h must follow libsodium");

int password_hash(const struct password_cost *cost, const char *password, size_t length,
                  char ret_hash[PASSWORD_HASH_MAX])
{
    char hash[PASSWORD_HASH_MAX];

    if (sodium_init() < 0 ||
        crypto_pwhash_str_alg(hash, password, length, cost->passes, cost->memory_bytes,
                              crypto_pwhash_ALG_ARGON2ID13) != 0) {
        log_error("cannot hash a password with %zu KiB: out of memory?", cost->memory_bytes / 1024);
        return ERR_INTERNAL;
    }
    memcpy(ret_hash, hash, sizeof(hash));
    return 0;
}

bool password_verify(const struct password_cost *cost, const char *hash, const char *password,
                     size_t length)
{
    char padded[PASSWORD_HASH_MAX] = ""; /* libsodium wants the whole array */

    if (!hash) {
        (void)!password_hash(cost, password, length, padded);
        return false;
    }
    if (sodium_init() < 0 || strlen(hash) >= sizeof(padded))
        return false;
    memcpy(padded, hash, strlen(hash));
    errno = 0;
    bool good = crypto_pwhash_str_verify(padded, password, length) == 0;
    /* Not the password's fault: it must not be called wrong. */
    if (!good && errno == ENOMEM)
        memory_out("a password check");
    return good;
}
