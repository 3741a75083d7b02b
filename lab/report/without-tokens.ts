/** Boot URLs and kernel command lines carry a token of the machine; a page that is passed on shall not. */
const IN_URL = /\/(boot|images)\/[A-Za-z0-9_.-]{40,}(?=\/|$)/g;
const IN_COMMAND_LINE = /(rackwright\.token=)\S+/g;

export const withoutTokens = (text: string): string => text.replace(IN_URL, '/$1/<token>').replace(IN_COMMAND_LINE, '$1<token>');
