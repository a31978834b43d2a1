package lists

import (
	"context"
	"slices"
)

// attributionBatch is how many attributions are read from a store at once.
const attributionBatch = 4096

// EachAttribution reads attributions of one layer in their stored form and calls yield for each number, in ascending order.
// numbers may come in any order and repeat; EachAttribution sorts them in place.
func EachAttribution(ctx context.Context, s Store, layer string, numbers []uint32, yield func(number uint32, record []byte) error) error {
	slices.Sort(numbers)
	for batch := range slices.Chunk(slices.Compact(numbers), attributionBatch) {
		records, err := s.Attributions(ctx, layer, batch)
		if err != nil {
			return err
		}
		for i, record := range records {
			if err := yield(batch[i], record); err != nil {
				return err
			}
		}
	}
	return nil
}

// ReadAttributions reads attributions of one layer, by number. numbers may come in any order and repeat; ReadAttributions sorts them
// in place. With an error it returns those that it has read.
func ReadAttributions(ctx context.Context, s Store, layer string, numbers []uint32) (map[uint32]*Attribution, error) {
	attributions := make(map[uint32]*Attribution, len(numbers))
	err := EachAttribution(ctx, s, layer, numbers, func(number uint32, record []byte) (err error) {
		attributions[number], err = DecodeAttribution(record)
		return err
	})
	return attributions, err
}
