#include "listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "err.h"
#include "log.h"

static const struct {
    uint32_t network;
    uint32_t mask;
} private_networks[] = {
    {0x7f000000, 0xff000000}, /* 127.0.0.0/8 */
    {0x0a000000, 0xff000000}, /* 10.0.0.0/8 */
    {0xac100000, 0xfff00000}, /* 172.16.0.0/12 */
    {0xc0a80000, 0xffff0000}, /* 192.168.0.0/16 */
    {0x64400000, 0xffc00000}, /* 100.64.0.0/10 */
};

bool listen_address_is_private(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        uint32_t host = ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr);
        for (size_t i = 0; i < sizeof private_networks / sizeof private_networks[0]; i++)
            if ((host & private_networks[i].mask) == private_networks[i].network)
                return true;
        return false;
    }
    if (address->ss_family == AF_INET6) {
        const struct in6_addr *host = &((const struct sockaddr_in6 *)address)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(host) || (host->s6_addr[0] & 0xfe) == 0xfc;
    }
    return address->ss_family == AF_UNIX;
}

bool listen_address_is_local(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return address->ss_family == AF_UNIX;
}

static int refuse(const char *key, const char *text, const char *why)
{
    log_error("%s=%s: %s", key, text, why);
    return ERR_CONFIG;
}

static int parse_path(const char *key, const char *text, struct listen_address *ret_address)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&ret_address->socket;
    if (strlen(text) >= sizeof address->sun_path)
        return refuse(key, text, "a socket's path has at most 107 bytes");
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path, sizeof address->sun_path, "%s", text);
    ret_address->length = sizeof *address;
    return 0;
}

/* The number after the last colon, 0 for none; ret_host is what stands before it, without brackets.
 */
static uint16_t split(const char *text, char *ret_host, size_t size)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return 0;
    size_t length = (size_t)(colon - text);
    bool bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port > UINT16_MAX || length >= size)
        return 0;
    /* Without brackets a colon of the address could be taken for the one before the port. */
    if (!bracketed && memchr(text, ':', length) != NULL)
        return 0;
    snprintf(ret_host, size, "%.*s", (int)(length - 2 * bracketed), text + bracketed);
    return (uint16_t)port;
}

int listen_address_parse(const char *key, const char *text, struct listen_address *ret_address)
{
    struct listen_address address = {.length = sizeof(struct sockaddr_in)};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address.socket;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address.socket;
    char host[INET6_ADDRSTRLEN] = "";
    if (text[0] == '/')
        return parse_path(key, text, ret_address);
    uint16_t port = split(text, host, sizeof host);
    if (port != 0 && text[0] != '[' && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
    } else if (port != 0 && text[0] == '[' && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        address.length = sizeof *v6;
    } else {
        return refuse(key, text, "use /path, ADDRESS:PORT or [IPV6]:PORT, in numbers");
    }
    if (!listen_address_is_private(&address.socket))
        return refuse(key, text,
                      "not an address of a private network (127/8, 10/8, 172.16/12, 192.168/16, "
                      "100.64/10, ::1, fc00::/7); whoever could connect could claim to be anybody");
    *ret_address = address;
    return 0;
}
