/*
 * TFTP read load (RFC 1350, 2348, 7440): several transfers of one file at once, bytes thrown away. Prints one line of JSON.
 * Compiled by `bench tftp`.
 *
 *   tftp-load SERVER FILE BLOCK_BYTES WINDOW_BLOCKS AT_ONCE TRANSFERS
 *
 * Silence for RESEND seconds makes a transfer repeat its last packet.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RESEND 1.0
#define SECONDS_MAX 120.0
#define RECEIVE_BUFFER (4 << 20)

struct transfer {
  int fd, active, answered, block_bytes, window, in_window;
  uint16_t last;
  struct sockaddr_in peer;
  double heard;
};

static struct sockaddr_in server;
static const char *file;
static int want_block, want_window, granted_window = 1;
static long bytes, resends, complete, failed;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void ask(struct transfer *t) {
  char request[512] = {0, 1};
  int length = 2;
  length += sprintf(request + length, "%s", file) + 1;
  length += sprintf(request + length, "octet") + 1;
  length += sprintf(request + length, "blksize") + 1;
  length += sprintf(request + length, "%d", want_block) + 1;
  if (want_window > 1) {
    length += sprintf(request + length, "windowsize") + 1;
    length += sprintf(request + length, "%d", want_window) + 1;
  }
  sendto(t->fd, request, length, 0, (struct sockaddr *)&server, sizeof server);
}

static void acknowledge(struct transfer *t) {
  uint8_t packet[4] = {0, 4, t->last >> 8, t->last};
  sendto(t->fd, packet, 4, 0, (struct sockaddr *)&t->peer, sizeof t->peer);
  t->in_window = 0;
}

static void begin(struct transfer *t) {
  int room = RECEIVE_BUFFER;
  *t = (struct transfer){.fd = socket(AF_INET, SOCK_DGRAM, 0), .active = 1, .block_bytes = 512, .window = 1, .heard = now()};
  setsockopt(t->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  ask(t);
}

static void end(struct transfer *t, long *counter) { close(t->fd); t->active = 0; (*counter)++; }

static void read_options(struct transfer *t, char *at, char *end_of_packet) {
  while (at < end_of_packet) {
    char *value = at + strlen(at) + 1;
    if (value >= end_of_packet) return;
    if (!strcasecmp(at, "blksize")) t->block_bytes = atoi(value);
    if (!strcasecmp(at, "windowsize")) granted_window = t->window = atoi(value);
    at = value + strlen(value) + 1;
  }
}

/* Out of order: acknowledge what is whole, so that the server sends from there (RFC 7440, section 4). */
static void take_data(struct transfer *t, uint16_t block, int length) {
  if (block != (uint16_t)(t->last + 1)) {
    if (t->in_window || t->window == 1) { resends++; acknowledge(t); }
    return;
  }
  t->last = block;
  bytes += length;
  t->in_window++;
  if (length < t->block_bytes) { acknowledge(t); end(t, &complete); }
  else if (t->in_window >= t->window) acknowledge(t);
}

static void receive(struct transfer *t) {
  static uint8_t packet[65536];
  for (int i = 0; i < 128 && t->active; i++) {
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    int length = recvfrom(t->fd, packet, sizeof packet - 1, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    if (length < 4) return;
    packet[length] = 0;
    if (!t->answered) { t->peer = from; t->answered = 1; }
    t->heard = now();
    if (packet[1] == 6) { read_options(t, (char *)packet + 2, (char *)packet + length); acknowledge(t); }
    else if (packet[1] == 5) { fprintf(stderr, "the server said: %s\n", packet + 4); end(t, &failed); }
    else if (packet[1] == 3) take_data(t, packet[2] << 8 | packet[3], length - 4);
  }
}

int main(int count, char **argument) {
  if (count != 7) { fprintf(stderr, "six arguments are needed; the head of the source tells them\n"); return 2; }
  server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(69)};
  inet_pton(AF_INET, argument[1], &server.sin_addr);
  file = argument[2]; want_block = atoi(argument[3]); want_window = atoi(argument[4]);
  int at_once = atoi(argument[5]), wanted = atoi(argument[6]), begun = 0;
  struct transfer *all = calloc(at_once, sizeof *all);
  struct pollfd *waits = calloc(at_once, sizeof *waits);
  double start = now();
  for (;;) {
    int active = 0;
    double t = now();
    for (int i = 0; i < at_once; i++) {
      if (!all[i].active && begun < wanted && !failed) { begin(&all[i]); begun++; }
      waits[i] = (struct pollfd){all[i].active ? all[i].fd : -1, POLLIN, 0};
      active += all[i].active;
      if (all[i].active && t > all[i].heard + RESEND) {
        all[i].heard = t;
        resends++;
        if (all[i].answered) acknowledge(&all[i]); else ask(&all[i]);
      }
    }
    if (!active || t > start + SECONDS_MAX) break;
    if (poll(waits, at_once, 100) > 0)
      for (int i = 0; i < at_once; i++) if (waits[i].fd >= 0 && waits[i].revents) receive(&all[i]);
  }
  double seconds = now() - start;
  printf("{\"bytes\":%ld,\"seconds\":%.3f,\"complete\":%ld,\"failed\":%ld,\"resends\":%ld,\"window\":%d}\n",
    bytes, seconds, complete, failed, resends, granted_window);
  return complete == wanted ? 0 : 1;
}
