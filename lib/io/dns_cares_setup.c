/* SPDX-License-Identifier: MIT */
#include "io/dns_cares_setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As libc has it. */
enum {
    MOST_SERVERS = 3,
    TIMEOUT = 5,
    MOST_TIMEOUT = 30,
    TRIES = 2,
    MOST_TRIES = 5,
};

struct reading {
    struct coro__dns_setup *setup;
    int servers;
    bool has_hosts;
    bool differs; /* there is something that c-ares does not know, or takes for something else */
};

/* Takes the next word out of a line; NULL if there is none. */
static char *next_word(char **line)
{
    static const char between[] = " \t\r\n";
    char *word = *line + strspn(*line, between);
    char *end = word + strcspn(word, between);
    *line = *end ? end + 1 : end;
    *end = '\0';
    return *word ? word : NULL;
}

/* Hands out each line that is not empty, without its comment. What cannot be read may say anything.
 */
static void read_lines(struct reading *reading, const char *path, const char *comment,
                       void (*fn)(struct reading *reading, const char *key, char *rest))
{
    char line[1024];
    const char *key;
    FILE *file = fopen(path, "re");
    if (!file) {
        reading->differs |= errno != ENOENT;
        return;
    }
    while (fgets(line, sizeof line, file)) {
        char *rest = line;
        reading->differs |= strlen(line) == sizeof line - 1;
        line[strcspn(line, comment)] = '\0';
        if ((key = next_word(&rest)))
            fn(reading, key, rest);
    }
    fclose(file);
}

/* --- nsswitch.conf(5) ------------------------------------------------------------------------- */
/* In another order libc goes on to the next source where c-ares does not. */
static void read_hosts(struct reading *reading, char *rest)
{
    struct coro__dns_setup *setup = reading->setup;
    reading->has_hosts = true;
    for (const char *source; (source = next_word(&rest));) {
        if (strcmp(source, "files") == 0 && !setup->servers)
            setup->file = true;
        else if (strcmp(source, "dns") == 0)
            setup->servers = true;
        else
            reading->differs = true;
    }
}

static void read_services(struct reading *reading, char *rest)
{
    reading->setup->services = true;
    for (const char *source; (source = next_word(&rest));)
        if (strcmp(source, "files") != 0 && strcmp(source, "db") != 0)
            reading->setup->services = false;
}

/* The colon need not be followed by a space. */
static void read_sources(struct reading *reading, const char *key, char *rest)
{
    static const char hosts[] = "hosts:", services[] = "services:";
    if (strcmp(key, hosts) == 0)
        read_hosts(reading, rest);
    else if (strcmp(key, services) == 0)
        read_services(reading, rest);
    else if (strncmp(key, hosts, sizeof hosts - 1) == 0)
        reading->differs = true;
}

/* --- resolv.conf(5) --------------------------------------------------------------------------- */
static int number_of(const char *text, int most)
{
    const long number = strtol(text, NULL, 10);
    return number < 1 ? 1 : number > most ? most : (int)number;
}

static bool has_no_effect(const char *option)
{
    static const char *const options[] = {"debug",     "edns0",          "trust-ad",
                                          "no-reload", "no-check-names", "no-tld-query"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (strcmp(option, options[i]) == 0)
            return true;
    return false;
}

static void read_option(struct reading *reading, const char *option)
{
    static const char timeout[] = "timeout:", tries[] = "attempts:";
    if (strncmp(option, timeout, sizeof timeout - 1) == 0)
        reading->setup->timeout = number_of(option + sizeof timeout - 1, MOST_TIMEOUT);
    else if (strncmp(option, tries, sizeof tries - 1) == 0)
        reading->setup->tries = number_of(option + sizeof tries - 1, MOST_TRIES);
    else if (strncmp(option, "ndots:", 6) != 0 && strcmp(option, "rotate") != 0 &&
             !has_no_effect(option))
        reading->differs = true;
}

/* c-ares does not know servers of one link. */
static void read_server(struct reading *reading, const char *address)
{
    reading->differs |= ++reading->servers > MOST_SERVERS || !address || strchr(address, '%');
}

static void read_resolver(struct reading *reading, const char *key, char *rest)
{
    if (strcmp(key, "nameserver") == 0)
        read_server(reading, next_word(&rest));
    else if (strcmp(key, "sortlist") == 0)
        reading->differs = true;
    else if (strcmp(key, "options") == 0)
        for (const char *option; (option = next_word(&rest));)
            read_option(reading, option);
}

/* --- gai.conf(5) ------------------------------------------------------------------------------ */
/* An order of addresses that is this machine's own. */
static void read_order(struct reading *reading, const char *key, char *rest)
{
    (void)key, (void)rest;
    reading->differs = true;
}

bool coro__dns_read_setup(struct coro__dns_setup *setup)
{
    struct reading reading = {.setup = setup};
    *setup = (struct coro__dns_setup){.timeout = TIMEOUT, .tries = TRIES};
    read_lines(&reading, "/etc/nsswitch.conf", "#", read_sources);
    if (!reading.has_hosts || reading.differs || getenv("RES_OPTIONS"))
        return false;
    read_lines(&reading, "/etc/resolv.conf", "#;", read_resolver);
    read_lines(&reading, "/etc/gai.conf", "#", read_order);
    return !reading.differs;
}
