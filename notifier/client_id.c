#include "client_id.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

void client_id_derive(int64_t bot_id, int64_t chat_id, int64_t message_id,
                      char ret_id[CLIENT_ID_MAX])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[2 * 16 + 1];
    char name[96];
    snprintf(name, sizeof name, "telegram:%" PRId64 ":%" PRId64 ":%" PRId64, bot_id, chat_id,
             message_id);
    crypto_hash_sha256(hash, (const unsigned char *)name, strlen(name));
    hash[6] = (unsigned char)(0x80 | (hash[6] & 0x0f));
    hash[8] = (unsigned char)(0x80 | (hash[8] & 0x3f));
    sodium_bin2hex(hex, sizeof hex, hash, 16);
    snprintf(ret_id, CLIENT_ID_MAX, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
             hex + 20);
}
