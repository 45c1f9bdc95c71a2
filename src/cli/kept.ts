import type { Reader } from '../datastore/file/reader.js';
import type { Source, SourceEvent } from '../datastore/source.js';
import type { Keep } from '../policy/remote-endpoints.js';
import type { Parsed } from '../resources/resource.js';

/** A source that tells of resources only what is kept of them. */
export function keptSource(source: Source, keep: Keep): Source {
  const kept = (event: SourceEvent): SourceEvent =>
    event.type === 'update' ? { ...event, parsed: keptOf(event.parsed, keep) } : event;
  return {
    ...source,
    start: (listener) => source.start({ ...listener, events: (events) => listener.events(events.map(kept)) }),
  };
}

/** A reader that reads of resources only what is kept of them: files keep what was read, for comparison. */
export function keptReader(reader: Reader, keep: Keep): Reader {
  return (text, format, file) => {
    const content = reader(text, format, file);
    return {
      ...content,
      objects: content.objects.map((object) => ({ ...object, parsed: keptOf(object.parsed, keep) })),
    };
  };
}

function keptOf(parsed: Parsed, keep: Keep): Parsed {
  return parsed.valid ? { ...parsed, resource: keep(parsed.resource) } : parsed;
}
