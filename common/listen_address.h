/* Where to listen: a path, or a numeric address of a private network. */
#ifndef PERCH_LISTEN_ADDRESS_H
#define PERCH_LISTEN_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

struct listen_address {
    struct sockaddr_storage socket;
    socklen_t length;
};

/* "/path", "ADDRESS:PORT" or "[ADDRESS]:PORT". ERR_CONFIG, logged with the key, the value and what
 * is wrong with it; an address that is not private is refused: FastCGI believes whoever connects.
 */
int listen_address_parse(const char *key, const char *text, struct listen_address *ret_address)
    __attribute__((warn_unused_result));

/* Of this host, or of a network that the Internet does not route to: loopback, RFC 1918, RFC 6598
 * (between a provider's own machines), RFC 4193. Unix sockets are. */
bool listen_address_is_private(const struct sockaddr_storage *address);

/* Of this host alone. Unix sockets are. */
bool listen_address_is_local(const struct sockaddr_storage *address);

#endif
