/*
 * DHCPv4 load: whole exchanges (DISCOVER, OFFER, REQUEST, ACK) of many machines, through a relay or from machines that have no
 * address. Prints one line of JSON. Compiled by `bench dhcp`.
 *
 *   dhcp-load relay|direct INTERFACE SERVER RELAY window|rate N CLIENTS FIRST_CLIENT SECONDS
 *
 * window: N exchanges are always under way. rate: N new ones a second, whatever becomes of the others.
 * An exchange whose next answer does not come within GIVE_UP seconds is a drop.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define GIVE_UP 1.0
#define SAMPLES_MAX 2000000
#define RECEIVE_BUFFER (8 << 20)
#define FRAME_HEADERS 42
#define DHCP_HEADER 240

enum step { IDLE, DISCOVERED, REQUESTED };
struct machine { double since; uint32_t round; enum step step; };
struct samples { float *us; long count; };

static struct machine *machines;
static long clients, first_client, in_flight, done, drops, refused, started;
static int direct, fd;
static struct in_addr server, relay;
static struct sockaddr_in server_address;
static struct sockaddr_ll wire;
static struct samples offers, acks;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void put16(uint8_t *at, unsigned value) { at[0] = value >> 8; at[1] = value; }
static void put32(uint8_t *at, uint32_t value) { put16(at, value >> 16); put16(at + 2, value); }

/* The transaction identifier carries the machine, and the low byte of its round, so that late answers are known as such. */
static int write_message(uint8_t *message, long machine, int type, const uint8_t *offered, const uint8_t *server_id) {
  static const uint8_t firmware[] = {55, 6, 1, 3, 6, 15, 66, 67, 93, 2, 0, 7, 60, 32,
    'P','X','E','C','l','i','e','n','t',':','A','r','c','h',':','0','0','0','0','7',':','U','N','D','I',':','0','0','3','0','1','6'};
  memset(message, 0, 300);
  message[0] = 1; message[1] = 1; message[2] = 6; message[3] = !direct;
  put32(message + 4, (machines[machine].round & 0xff) << 24 | (uint32_t)machine);
  if (!direct) memcpy(message + 24, &relay, 4);
  message[28] = 0x52; message[29] = 0x54;
  put32(message + 30, first_client + machine);
  put32(message + 236, 0x63825363);
  uint8_t *option = message + DHCP_HEADER;
  *option++ = 53; *option++ = 1; *option++ = type;
  if (offered) {
    *option++ = 50; *option++ = 4; memcpy(option, offered, 4); option += 4;
    *option++ = 54; *option++ = 4; memcpy(option, server_id, 4); option += 4;
  }
  memcpy(option, firmware, sizeof firmware); option += sizeof firmware;
  *option++ = 255;
  return option - message < 300 ? 300 : option - message;
}

static void send_message(long machine, int type, const uint8_t *offered, const uint8_t *server_id) {
  uint8_t frame[700] = {0};
  uint8_t *message = frame + FRAME_HEADERS, *ip = frame + 14, *udp = frame + 34;
  int length = write_message(message, machine, type, offered, server_id);
  if (!direct) {
    sendto(fd, message, length, 0, (struct sockaddr *)&server_address, sizeof server_address);
    return;
  }
  memset(frame, 0xff, 6);
  memcpy(frame + 6, message + 28, 6);
  put16(frame + 12, ETH_P_IP);
  ip[0] = 0x45; put16(ip + 2, 28 + length); ip[8] = 64; ip[9] = 17; memset(ip + 16, 0xff, 4);
  uint32_t sum = 0;
  for (int i = 0; i < 20; i += 2) sum += ip[i] << 8 | ip[i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  put16(ip + 10, ~sum);
  put16(udp, 68); put16(udp + 2, 67); put16(udp + 4, 8 + length);
  sendto(fd, frame, FRAME_HEADERS + length, 0, (struct sockaddr *)&wire, sizeof wire);
}

static int start_one(void) {
  static long next;
  for (long tried = 0; tried < clients; tried++) {
    long machine = next;
    next = (next + 1) % clients;
    if (machines[machine].step != IDLE) continue;
    machines[machine] = (struct machine){now(), machines[machine].round + 1, DISCOVERED};
    started++; in_flight++;
    send_message(machine, 1, NULL, NULL);
    return 1;
  }
  return 0;
}

static void sample(struct samples *into, double seconds) {
  if (into->count < SAMPLES_MAX) into->us[into->count++] = seconds * 1e6;
}

static void finish(struct machine *machine, long *counter) { machine->step = IDLE; in_flight--; (*counter)++; }

static void take_answer(const uint8_t *message, int length) {
  if (length < DHCP_HEADER + 4 || message[0] != 2) return;
  uint32_t xid = (uint32_t)message[4] << 24 | message[5] << 16 | message[6] << 8 | message[7];
  long at = xid & 0xffffff;
  if (at >= clients || (machines[at].round & 0xff) != xid >> 24) return;
  const uint8_t *server_id = NULL;
  int type = 0;
  for (const uint8_t *o = message + DHCP_HEADER; o + 1 < message + length && *o != 255; o += *o ? 2 + o[1] : 1) {
    if (*o == 53) type = o[2];
    if (*o == 54) server_id = o + 2;
  }
  struct machine *machine = &machines[at];
  double t = now();
  if (type == 2 && machine->step == DISCOVERED && server_id) {
    sample(&offers, t - machine->since);
    machine->step = REQUESTED; machine->since = t;
    send_message(at, 3, message + 16, server_id);
  } else if (type == 5 && machine->step == REQUESTED) {
    sample(&acks, t - machine->since);
    finish(machine, &done);
  } else if (type == 6 && machine->step != IDLE) finish(machine, &refused);
}

static int receive_one(void) {
  uint8_t packet[2048];
  int length = recv(fd, packet, sizeof packet, MSG_DONTWAIT);
  if (length < 0) return 0;
  if (!direct) take_answer(packet, length);
  else if (length > FRAME_HEADERS && packet[23] == 17 && packet[36] == 0 && packet[37] == 68)
    take_answer(packet + FRAME_HEADERS, length - FRAME_HEADERS);
  return 1;
}

static int open_socket(const char *interface) {
  if (direct) {
    fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
    wire = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = if_nametoindex(interface), .sll_halen = 6};
    if (fd < 0 || bind(fd, (struct sockaddr *)&wire, sizeof wire)) return -1;
    struct packet_mreq all = {.mr_ifindex = wire.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
    int on = 1;
    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all);
    setsockopt(fd, SOL_PACKET, 23 /* PACKET_IGNORE_OUTGOING */, &on, sizeof on);
    memset(wire.sll_addr, 0xff, 6);
  } else {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(67), .sin_addr = relay};
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here)) return -1;
    server_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(67), .sin_addr = server};
  }
  int bytes = RECEIVE_BUFFER;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  return 0;
}

static int by_value(const void *a, const void *b) { float x = *(float *)a, y = *(float *)b; return (x > y) - (x < y); }
static double quantile(struct samples *s, double share) { return s->count ? s->us[(long)((s->count - 1) * share)] : 0; }

int main(int count, char **argument) {
  if (count != 10) { fprintf(stderr, "nine arguments are needed; the head of the source tells them\n"); return 2; }
  direct = !strcmp(argument[1], "direct");
  inet_pton(AF_INET, argument[3], &server);
  inet_pton(AF_INET, argument[4], &relay);
  int at_rate = !strcmp(argument[5], "rate");
  double n = atof(argument[6]), seconds = atof(argument[9]);
  clients = atol(argument[7]); first_client = atol(argument[8]);
  machines = calloc(clients, sizeof *machines);
  offers.us = malloc(SAMPLES_MAX * sizeof(float)); acks.us = malloc(SAMPLES_MAX * sizeof(float));
  if (open_socket(argument[2])) { perror("socket"); return 1; }
  double start = now(), looked = start;
  long done_in_time = 0;
  for (;;) {
    double t = now();
    int ending = t > start + seconds;
    if (ending && !done_in_time) done_in_time = done;
    if (ending && (in_flight <= 0 || t > start + seconds + GIVE_UP + 0.2)) break;
    if (t > looked + 0.1) {
      looked = t;
      for (long i = 0; i < clients; i++)
        if (machines[i].step != IDLE && t > machines[i].since + GIVE_UP) finish(&machines[i], &drops);
    }
    if (!ending) {
      if (at_rate) while (started < (t - start) * n && start_one()) {}
      else while (in_flight < n && start_one()) {}
    }
    int received = 0;
    while (received < 256 && receive_one()) received++;
    if (!received) {
      struct pollfd wait = {fd, POLLIN, 0};
      struct timespec patience = {0, at_rate ? 200000 : 5000000};
      ppoll(&wait, 1, &patience, NULL);
    }
  }
  qsort(offers.us, offers.count, sizeof(float), by_value);
  qsort(acks.us, acks.count, sizeof(float), by_value);
  printf("{\"done\":%ld,\"perSecond\":%.1f,\"started\":%ld,\"drops\":%ld,\"refused\":%ld,\"offerP50Us\":%.0f,\"offerP95Us\":%.0f,\"ackP50Us\":%.0f,\"ackP95Us\":%.0f}\n",
    done, done_in_time / seconds, started, drops, refused, quantile(&offers, .5), quantile(&offers, .95), quantile(&acks, .5), quantile(&acks, .95));
  return 0;
}
